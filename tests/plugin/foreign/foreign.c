/* SPDX-License-Identifier: Apache-2.0
 *
 * A device of its own, with kernels for an op that is another plugin's: conv2d, whose attributes it
 * asks for by name, as whoever brings a backend must. Nothing here knows the op's params struct.
 * The kernel is the plain sum, in f64; what it does not take it refuses in supports(). */
#include <stdlib.h>
#include <string.h>

#include "fmp/kit/check.h"
#include "fmp/plugin.h"

/* -- the device: ordinary memory ------------------------------------------- */

static fmp_status open_device(const fmp_device_args *a, void **device)
{
  (void)a;
  *device = NULL;
  return FMP_OK;
}

static fmp_status alloc_memory(const fmp_memory_args *a, void **memory)
{
  *memory = aligned_alloc(64, (a->bytes + 63) / 64 * 64);
  return *memory ? FMP_OK : a->host->fail(FMP_ENOMEM, "foreign: no memory");
}

static void free_memory(const fmp_memory_args *a) { free(a->memory); }

static fmp_status copy(const fmp_copy_args *a)
{
  memcpy(a->target, a->source, a->bytes);
  return FMP_OK;
}

/* -- what conv2d was asked for --------------------------------------------- */

typedef struct geometry {
  int64_t stride[2], dilation[2], before[2]; /* down and right */
  int64_t groups;
  double slope;
} geometry;

static int pair(const fmp_attr *attr, int64_t *values)
{
  const int64_t *items = attr->value.list.items;
  if (attr->kind != FMP_ATTR_I64S || attr->value.list.count != 2) return 0;
  values[0] = items[0];
  values[1] = items[1];
  return 1;
}

/* "same": out = ceil(in / stride), the odd pad at the bottom and right. */
static int64_t same_before(int64_t in, int64_t out, int64_t kernel, int64_t stride,
                           int64_t dilation)
{
  const int64_t pad = (out - 1) * stride + (kernel - 1) * dilation + 1 - in;
  return pad > 0 ? pad / 2 : 0;
}

static int padding(const fmp_kernel_args *a, const char *how, geometry *g)
{
  fmp_attr pads;
  if (strcmp(how, "valid") == 0) return 1;
  if (strcmp(how, "same") == 0) {
    for (int i = 0; i < 2; i++)
      g->before[i] = same_before(a->in[0].shape[1 + i], a->out[0].shape[1 + i],
                                 a->in[1].shape[1 + i], g->stride[i], g->dilation[i]);
    return 1;
  }
  if (!a->host->op_attr(a->op, a->params, "pads", &pads) || pads.value.list.count != 4) return 0;
  g->before[0] = ((const int64_t *)pads.value.list.items)[0]; /* top, bottom, left, right */
  g->before[1] = ((const int64_t *)pads.value.list.items)[2];
  return 1;
}

/* 0: not understood, so that another kernel must serve. */
static int read_geometry(const fmp_kernel_args *a, geometry *g)
{
  const fmp_host *h = a->host;
  fmp_attr stride, dilation, how, groups, slope;
  memset(g, 0, sizeof *g);
  if (!h->op_attr(a->op, a->params, "stride", &stride) || !pair(&stride, g->stride)) return 0;
  if (!h->op_attr(a->op, a->params, "dilation", &dilation) || !pair(&dilation, g->dilation))
    return 0;
  if (!h->op_attr(a->op, a->params, "groups", &groups) || groups.kind != FMP_ATTR_I64) return 0;
  if (!h->op_attr(a->op, a->params, "slope", &slope) || slope.kind != FMP_ATTR_F64) return 0;
  if (!h->op_attr(a->op, a->params, "padding", &how) || how.kind != FMP_ATTR_STRING) return 0;
  if (h->op_attr(a->op, a->params, "no such attribute", &how)) return 0;
  if (!h->op_attr(a->op, a->params, "padding", &how)) return 0;
  g->groups = groups.value.i;
  g->slope = slope.value.f;
  return padding(a, how.value.s, g);
}

static int32_t supports(const fmp_kernel_args *a)
{
  geometry g;
  return read_geometry(a, &g);
}

static fmp_status prepare(const fmp_kernel_args *a, void **state)
{
  geometry *g = a->host->alloc(sizeof *g);
  FMP_REQUIRE(a->host, g != NULL, FMP_ENOMEM, "foreign: no memory");
  read_geometry(a, g); /* supports() has seen that it can be */
  *state = g;
  return FMP_OK;
}

static void release(const fmp_release_args *a) { a->host->free(a->state); }

/* -- the sum --------------------------------------------------------------- */

/* x [n,h,w,c], w [oc,kh,kw,c/groups]: what y[n,i,j,o] sums. */
static double sum_at(const fmp_call *call, const geometry *g, const int64_t at[4])
{
  const fmp_view *x = &call->in[0], *w = &call->in[1];
  const int64_t depth = w->shape[3], group = at[3] / (w->shape[0] / g->groups);
  double sum = 0;
  for (int64_t k = 0; k < w->shape[1]; k++)
    for (int64_t l = 0; l < w->shape[2]; l++) {
      const int64_t i = at[1] * g->stride[0] - g->before[0] + k * g->dilation[0];
      const int64_t j = at[2] * g->stride[1] - g->before[1] + l * g->dilation[1];
      if (i < 0 || i >= x->shape[1] || j < 0 || j >= x->shape[2]) continue;
      const float *pixel = (const float *)x->data +
                           ((at[0] * x->shape[1] + i) * x->shape[2] + j) * x->shape[3] +
                           group * depth;
      const float *tap =
          (const float *)w->data + ((at[3] * w->shape[1] + k) * w->shape[2] + l) * depth;
      for (int64_t c = 0; c < depth; c++) sum += (double)pixel[c] * (double)tap[c];
    }
  return sum;
}

static fmp_status run(const fmp_call *call)
{
  const geometry *g = call->state;
  const fmp_view *y = &call->out[0], *b = &call->in[2];
  const int64_t n = fmp_view_size(y);
  for (int64_t i = 0; i < n; i++) {
    const int64_t at[4] = {i / y->shape[3] / y->shape[2] / y->shape[1],
                           i / y->shape[3] / y->shape[2] % y->shape[1],
                           i / y->shape[3] % y->shape[2], i % y->shape[3]};
    double v = sum_at(call, g, at);
    if (b->data) v += (double)((const float *)b->data)[at[3]];
    ((float *)y->data)[i] = (float)(v > 0 ? v : g->slope * v);
  }
  return FMP_OK;
}

static fmp_status load(const fmp_host *h, fmp_registry *r)
{
  static const fmp_backend_def backend = {.struct_size = sizeof backend,
                                          .name = "acme.chip",
                                          .doc = "Ordinary memory under another name.",
                                          .open = open_device,
                                          .alloc = alloc_memory,
                                          .free = free_memory,
                                          .copy = copy};
  static const fmp_kernel_def kernel = {.struct_size = sizeof kernel,
                                        .op = "conv2d",
                                        .backend = "acme.chip",
                                        .name = "plain",
                                        .dtypes = FMP_BIT(FMP_F32),
                                        .supports = supports,
                                        .prepare = prepare,
                                        .release = release,
                                        .run = run};
  FMP_TRY(h->add_backend(r, &backend));
  return h->add_kernel(r, &kernel);
}

FMP_PLUGIN("acme", "1.0", "conv2d on a device of its own", load);
