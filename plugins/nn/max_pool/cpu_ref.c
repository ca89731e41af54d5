/* SPDX-License-Identifier: Apache-2.0
 *
 * Reference kernels of max_pool, f32, f64 and bf16 by way of f32. Forward shares out the output's
 * rows, backward the images: an image's windows may overlap, and its sums keep their order on any
 * number of threads. The inner loops run over channels, side by side in memory.
 */
#include <string.h>

#include "max_pool.h"
#include "fmp/kit/widen.h"

struct job {
  const fmp_host *h;
  struct pool pool;
  void *x, *y; /* or dx, dy */
  uint8_t *argmax;
};

/* Element `tap` of the window at output (i, j) as an index into x, or -1: padding. */
static int64_t tap_at(const struct pool *p, int64_t n, int64_t i, int64_t j, int64_t tap)
{
  const struct window_axis *wy = &p->window.y, *wx = &p->window.x;
  const int64_t row = window_origin(wy, i) + tap / wx->size;
  const int64_t column = window_origin(wx, j) + tap % wx->size;
  const int inside = row >= 0 && row < wy->in && column >= 0 && column < wx->in;
  return inside ? pool_x_at(p, n, row, column) : -1;
}

#define REAL       float
#define NAME(stem) stem##_f32
#include "loops.inc"
#undef REAL
#undef NAME

#define REAL       double
#define NAME(stem) stem##_f64
#include "loops.inc"
#undef REAL
#undef NAME

/* Of input 0 and output 0; argmax is bytes, and of x~ only the shape is read. */
static size_t scratch(const fmp_kernel_args *args, const void *state)
{
  (void)state;
  return fmp_widen_bytes(&args->in[0]) + fmp_widen_bytes(&args->out[0]);
}

static fmp_status run(const fmp_call *call)
{
  fmp_widened w = fmp_widen_begin(call);
  const float *x;
  FMP_TRY(fmp_widen_in(&w, &call->in[0], &x));
  struct job job = {.h = call->host,
                    .x = (void *)(uintptr_t)x, /* read only */
                    .y = fmp_widen_out(&w, &call->out[0]),
                    .argmax = call->n_out > 1 ? call->out[1].data : NULL};
  const fmp_range_fn body = call->in[0].dtype == FMP_F64 ? rows_f64 : rows_f32;
  FMP_TRY(pool_make(call->host, call->params, call->in[0].shape, &job.pool));
  const int64_t rows = job.pool.n * job.pool.window.y.out;
  const int64_t grain = window_grain(pool_row_operations(&job.pool));
  FMP_TRY(call->host->parallel_for(call, rows, grain, body, &job));
  return fmp_widen_end(&w, &call->out[0], job.y);
}

static fmp_status run_back(const fmp_call *call)
{
  fmp_widened w = fmp_widen_begin(call);
  const float *dy;
  FMP_TRY(fmp_widen_in(&w, &call->in[0], &dy));
  struct job job = {.h = call->host,
                    .x = fmp_widen_out(&w, &call->out[0]),
                    .y = (void *)(uintptr_t)dy,
                    .argmax = call->in[1].data};
  const fmp_range_fn body = call->out[0].dtype == FMP_F64 ? images_f64 : images_f32;
  FMP_TRY(pool_make(call->host, call->params, call->out[0].shape, &job.pool));
  const double rows = (double)job.pool.window.y.out;
  const int64_t grain = window_grain(rows * pool_row_operations(&job.pool));
  FMP_TRY(call->host->parallel_for(call, job.pool.n, grain, body, &job));
  return fmp_widen_end(&w, &call->out[0], job.x);
}

fmp_status max_pool_register_ref(const fmp_host *h, fmp_registry *r)
{
  fmp_kernel_def def = {
      .struct_size = sizeof(def),
      .op = "max_pool",
      .backend = "cpu",
      .name = "ref",
      .dtypes = FMP_FLOATS,
      .scratch = scratch,
      .run = run,
  };
  FMP_TRY(h->add_kernel(r, &def));
  def.op = "max_pool_back";
  def.dtypes = FMP_FLOATS | FMP_BIT(FMP_U8); /* argmax */
  def.run = run_back;
  return h->add_kernel(r, &def);
}
