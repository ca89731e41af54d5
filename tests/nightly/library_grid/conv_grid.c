/* SPDX-License-Identifier: Apache-2.0
 * conv2d and its gradients: strides, kernels, batches and channels in full; all else is drawn. */
#include "library_grid.h"

#include <stdio.h>
#include <string.h>

#include "../../../plugins/nn/conv2d/conv.h"

enum { STRIDES = 3, KERNELS = 4, BATCHES = 5, CHANNELS = 33 };

/* -- the axes -------------------------------------------------------------- */

/* Channels of a group: all that fit. Groups of 1, and as many as the channels. */
struct channels {
  int16_t groups, ic, oc;
};
static struct channels channels[4096];
static int64_t n_channels;

static void list_channels(void)
{
  for (int g = 1; g <= CHANNELS; g++)
    for (int ic = 1; ic * g <= CHANNELS; ic++)
      for (int oc = 1; oc * g <= CHANNELS; oc++)
        channels[n_channels++] = (struct channels){(int16_t)g, (int16_t)ic, (int16_t)oc};
}

static int64_t count(void)
{
  if (n_channels == 0) list_channels();
  return n_channels * STRIDES * KERNELS * BATCHES;
}

struct geometry {
  int64_t n, groups, ic, oc; /* channels of all groups */
  int64_t image[2], taps[2], stride[2], dilation[2], pads[4];
  double slope;
  int biased;
};

/* Images of few pixels, but long ones too: loops over pixels are unrolled by up to 28. One of
 * two strided 1x1 kernels is over an image that its stride divides. */
static void draw_axis(struct geometry *g, int axis, struct draw *d)
{
  const int64_t most = draw_below(d, 8) == 0 ? 40 : 9;
  int64_t *const pads = &g->pads[2 * axis];
  const int divides = g->taps[axis] == 1 && draw_below(d, 2) == 0;
  g->dilation[axis] = draw_below(d, 4) == 0 ? 2 : 1;
  for (int i = 0; i < 2; i++) pads[i] = divides ? 0 : draw_below(d, 2) * draw_below(d, 3);
  const int64_t reach = (g->taps[axis] - 1) * g->dilation[axis] + 1;
  if (divides)
    g->image[axis] = g->stride[axis] * (1 + draw_below(d, most));
  else
    g->image[axis] =
        (reach > pads[0] + pads[1] ? reach - pads[0] - pads[1] : 1) + draw_below(d, most);
}

static struct geometry geometry_of(int64_t i)
{
  struct draw d = draw_for(i);
  struct geometry g = {.slope = 1};
  g.stride[0] = g.stride[1] = 1 + i % STRIDES;
  i /= STRIDES;
  g.taps[0] = g.taps[1] = 1 + i % KERNELS;
  i /= KERNELS;
  g.n = 1 + i % BATCHES;
  const struct channels c = channels[i / BATCHES];
  g.groups = c.groups;
  g.ic = c.ic * c.groups;
  g.oc = c.oc * c.groups;
  if (draw_below(&d, 4) == 0) g.stride[1] = 1 + draw_below(&d, STRIDES);
  if (draw_below(&d, 4) == 0) g.taps[1] = 1 + draw_below(&d, KERNELS);
  for (int axis = 0; axis < 2; axis++) draw_axis(&g, axis, &d);
  g.biased = (int)draw_below(&d, 2);
  if (draw_below(&d, 4) == 0) g.slope = draw_below(&d, 2) ? 0.25 : 0;
  return g;
}

static void describe(const struct geometry *g, int64_t i, char text[SUPERVISE_TEXT])
{
  snprintf(text, SUPERVISE_TEXT,
           "conv %lld: n %lld, %lldx%lld, %lld->%lld, groups %lld, kernel %lldx%lld, stride "
           "%lldx%lld, dilation %lldx%lld, pads %lld %lld %lld %lld:",
           (long long)i, (long long)g->n, (long long)g->image[0], (long long)g->image[1],
           (long long)g->ic, (long long)g->oc, (long long)g->groups, (long long)g->taps[0],
           (long long)g->taps[1], (long long)g->stride[0], (long long)g->stride[1],
           (long long)g->dilation[0], (long long)g->dilation[1], (long long)g->pads[0],
           (long long)g->pads[1], (long long)g->pads[2], (long long)g->pads[3]);
}

/* -- one direction in one type --------------------------------------------- */

static struct conv_params params_of(const struct geometry *g)
{
  return (struct conv_params){.stride = {g->stride, 2},
                              .pads = {g->pads, 4},
                              .dilation = {g->dilation, 2},
                              .padding = "explicit",
                              .groups = g->groups,
                              .winograd = "off",
                              .slope = g->slope};
}

static int64_t out_size(const struct geometry *g, int axis)
{
  const int64_t reach = (g->taps[axis] - 1) * g->dilation[axis] + 1;
  const int64_t padded = g->image[axis] + g->pads[2 * axis] + g->pads[2 * axis + 1];
  return (padded - reach) / g->stride[axis] + 1;
}

/* Specs of x, w and y, or their gradients. */
static void operands_of(const struct geometry *g, uint32_t dtype, fmp_spec operands[CONV_OPERANDS])
{
  operands[CONV_X] =
      (fmp_spec){.dtype = dtype, .rank = 4, .shape = {g->n, g->image[0], g->image[1], g->ic}};
  operands[CONV_W] = (fmp_spec){
      .dtype = dtype, .rank = 4, .shape = {g->oc, g->taps[0], g->taps[1], g->ic / g->groups}};
  operands[CONV_Y] =
      (fmp_spec){.dtype = dtype, .rank = 4, .shape = {g->n, out_size(g, 0), out_size(g, 1), g->oc}};
}

/* The two operands that a direction reads, and the one that it writes, given too as what lends
 * its shape. */
static void set_operands(struct trial *t, const struct geometry *g, int direction, uint32_t dtype,
                         uint32_t written)
{
  static const int roles[CONV_DIRECTIONS][CONV_OPERANDS] = {
      {CONV_X, CONV_W, CONV_Y}, {CONV_Y, CONV_W, CONV_X}, {CONV_X, CONV_Y, CONV_W}};
  fmp_spec operands[CONV_OPERANDS];
  operands_of(g, dtype, operands);
  operands[roles[direction][2]].dtype = written;
  for (int i = 0; i < 2; i++) {
    t->in[i] = operands[roles[direction][i]];
    t->data[i] = random_values(dtype, trial_bytes(&t->in[i]), 1000 * i);
  }
  t->out = operands[roles[direction][2]];
  t->n_in = 3;
  if (direction != CONV_FORWARD) t->in[2] = t->out;
  if (direction == CONV_FORWARD && g->biased) {
    t->in[2] = (fmp_spec){.dtype = dtype, .rank = 1, .shape = {g->oc}};
    t->data[2] = random_values(dtype, trial_bytes(&t->in[2]), 5000);
  }
}

static void try_direction(const struct grid *grid, const struct geometry *g, const char *name,
                          int direction, const uint32_t dtypes[2], struct report *r)
{
  static const char *const ops[CONV_DIRECTIONS] = {"conv2d", "conv2d_back_data",
                                                   "conv2d_back_weights"};
  const struct conv_params params = params_of(g);
  const double unit = dtypes[1] == FMP_BF16 ? 0x1p-7 : 0;
  struct trial t = {.name = name, .params = &params};
  const fmp_kernel_def *kernel;
  set_operands(&t, g, direction, dtypes[0], dtypes[1]);
  const void *expected = trial_reference(grid->loaded, ops[direction], &t, r);
  /* In f32 the kernel that widens is the other once more. */
  for (int i = 0; expected && (kernel = bare_kernel(grid->loaded, ops[direction], i)); i++)
    if (grid_names(grid, kernel->name) &&
        !(dtypes[0] == FMP_F32 && (kernel->flags & FMP_KERNEL_WIDENS)))
      trial_kernel(kernel, &t, expected, (struct tolerance){unit, 1e-5}, r);
}

static void run(const struct grid *grid, int64_t i, struct report *r)
{
  /* What is read, what is written. */
  static const uint32_t types[][2] = {
      {FMP_F32, FMP_F32}, {FMP_BF16, FMP_BF16}, {FMP_BF16, FMP_F32}};
  const struct geometry g = geometry_of(i);
  char name[SUPERVISE_TEXT];
  describe(&g, i, name);
  for (int direction = 0; direction < CONV_DIRECTIONS; direction++)
    for (int type = 0; type < (direction == CONV_FORWARD ? 2 : 3); type++)
      try_direction(grid, &g, name, direction, types[type], r);
}

const struct grid conv_grid = {.name = "conv",
                               .plugin = "fmp_nn.so",
                               .kernels = "onednn onednn_f32",
                               .count = count,
                               .run = run};
