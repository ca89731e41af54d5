/* SPDX-License-Identifier: Apache-2.0
 * Kernels of conv2d and its gradients in the transformed domain: see winograd.h. */
#include "winograd.h"

#include <string.h>

#include "fmp/kit/register.h"

static const struct winograd_isa *the_isa; /* the best that the processor has; NULL: none */

/* A kernel's data. */
struct variant {
  int direction;
  int shape; /* number of its tiles in winograd_shapes, or WINOGRAD_FASTEST */
};

/* -- geometry -------------------------------------------------------------- */

/* By data, dy with its padding of zeros is what is read; a kernel of 2 needs 1 zero ahead. */
static struct winograd_axis axis_of(const struct window_axis *a, int direction)
{
  if (direction == CONV_BACK_DATA)
    return (struct winograd_axis){.in = a->out, .out = a->in, .before = 1 - a->before};
  return (struct winograd_axis){.in = a->in, .out = a->out, .before = a->before};
}

static fmp_status geometry(const fmp_kernel_args *args, struct conv *c, struct winograd *w)
{
  const struct conv_params *params = args->params;
  const int direction = ((const struct variant *)args->data)->direction;
  const int back = direction == CONV_BACK_DATA;
  FMP_TRY(conv_make(args->host, params, conv_spec(args, direction, CONV_X)->shape,
                    conv_spec(args, direction, CONV_W)->shape, c));
  memset(w, 0, sizeof *w);
  w->direction = direction;
  w->n = c->n;
  w->parts = args->threads;
  w->from = back ? c->oc : c->ic;
  w->to = back ? c->ic : c->oc;
  w->y = axis_of(&c->window.y, direction);
  w->x = axis_of(&c->window.x, direction);
  w->slope = direction == CONV_FORWARD ? params->slope : 1;
  return FMP_OK;
}

/* -- what it takes --------------------------------------------------------- */

static int axis_fits(const struct window_axis *a)
{
  return a->size == 2 && a->stride == 1 && a->dilation == 1;
}

static int is_2x2(const struct conv *c)
{
  return c->groups == 1 && axis_fits(&c->window.y) && axis_fits(&c->window.x);
}

static const struct winograd_shape *choose(const fmp_kernel_args *args, const struct winograd *w)
{
  const struct conv_params *params = args->params;
  const struct variant *variant = args->data;
  return winograd_choose(w, the_isa, params->winograd, variant->shape);
}

static int32_t supports(const fmp_kernel_args *args)
{
  const struct variant *variant = args->data;
  struct conv c = {0};
  struct winograd w;
  if (!conv_counts_in_int(args, variant->direction)) return 0; /* so no size below overflows */
  return geometry(args, &c, &w) == FMP_OK && is_2x2(&c) && choose(args, &w) != NULL;
}

/* -- state and run --------------------------------------------------------- */

static fmp_status prepare(const fmp_kernel_args *args, void **state)
{
  struct conv c = {0};
  struct winograd made;
  FMP_TRY(geometry(args, &c, &made));
  const struct winograd_shape *tile = choose(args, &made); /* there is one: supports() saw it */
  winograd_set_tile(&made, the_isa, tile);
  struct winograd *w = args->host->alloc(sizeof *w);
  FMP_REQUIRE(args->host, w != NULL, FMP_ENOMEM, "no memory for a convolution's state");
  *w = made;
  *state = w;
  return FMP_OK;
}

static void release(const fmp_release_args *args) { args->host->free(args->state); }

static size_t scratch(const fmp_kernel_args *args, const void *state)
{
  const struct winograd *w = state;
  (void)args;
  return (size_t)(w->weights_size + w->parts * w->part_size) * sizeof(float);
}

/* Stores past the caches need whole vectors at aligned addresses. */
static int past_cache(const struct winograd *w, const void *y)
{
  const size_t vector = (size_t)the_isa->lanes * sizeof(float);
  const int64_t size = w->n * w->y.out * w->x.out * w->to;
  return size >= the_isa->stream_from && w->to % the_isa->lanes == 0 && (uintptr_t)y % vector == 0;
}

static struct winograd_job job_of(const fmp_call *call)
{
  const struct winograd *w = call->state;
  const int by_weights = w->direction == CONV_BACK_WEIGHTS;
  const int64_t from = w->direction == CONV_BACK_DATA ? CONV_Y : CONV_X;
  return (struct winograd_job){
      .w = w,
      .x = conv_view(call, w->direction, (int)from)->data,
      .weights = conv_view(call, w->direction, by_weights ? CONV_Y : CONV_W)->data,
      .b = w->direction == CONV_FORWARD ? call->in[CONV_BIAS].data : NULL,
      .y = call->out[0].data,
      .scratch = call->scratch,
      .past_cache = past_cache(w, call->out[0].data),
  };
}

static fmp_status run(const fmp_call *call)
{
  const struct winograd *w = call->state;
  struct winograd_job job = job_of(call);
  const int64_t panels = w->to_pad / (2 * the_isa->lanes);
  FMP_TRY(call->host->parallel_for(call, panels, 1, the_isa->transform_weights, &job));
  return call->host->parallel_for(call, w->parts, 1, the_isa->run_parts, &job);
}

static fmp_status run_by_weights(const fmp_call *call)
{
  const struct winograd *w = call->state;
  struct winograd_job job = job_of(call);
  const int64_t panels = w->to_pad / (2 * the_isa->lanes);
  FMP_TRY(call->host->parallel_for(call, w->parts, 1, the_isa->sum_parts, &job));
  return call->host->parallel_for(call, panels, 1, the_isa->finish_weights, &job);
}

/* -- kernels --------------------------------------------------------------- */

#define ROW(op_name, which, function, label, rank, tiles)                                          \
  {                                                                                                \
    .struct_size = sizeof(fmp_kernel_def), .op = op_name, .backend = "cpu", .name = label,         \
    .dtypes = FMP_BIT(FMP_F32), .priority = (rank), .data = &(const struct variant){which, tiles}, \
    .supports = supports, .prepare = prepare, .release = release, .scratch = scratch,              \
    .run = function                                                                                \
  }

/* The one that estimates which shape is fastest has the priority; those of a fixed shape, a number
 * in winograd_shapes, are there to be forced, and for fmp_autotune to choose from. */
#define ROWS(...)                                                                       \
  ROW(__VA_ARGS__, "winograd_f1", 10, 0), ROW(__VA_ARGS__, "winograd_f2", 10, 1),       \
      ROW(__VA_ARGS__, "winograd_f3", 10, 2), ROW(__VA_ARGS__, "winograd_f4", 10, 3),   \
      ROW(__VA_ARGS__, "winograd_f5", 10, 4), ROW(__VA_ARGS__, "winograd_f3x1", 10, 5), \
      ROW(__VA_ARGS__, "winograd", 200, WINOGRAD_FASTEST)

static const fmp_kernel_def kernels[] = {
    ROWS("conv2d", CONV_FORWARD, run),
    ROWS("conv2d_back_data", CONV_BACK_DATA, run),
    ROWS("conv2d_back_weights", CONV_BACK_WEIGHTS, run_by_weights),
};

fmp_status winograd_register(const fmp_host *h, fmp_registry *r);

fmp_status winograd_register(const fmp_host *h, fmp_registry *r)
{
  the_isa = winograd_avx512() ? winograd_avx512() : winograd_avx2();
  return the_isa != NULL ? FMP_ADD_KERNELS(h, r, kernels) : FMP_OK;
}
