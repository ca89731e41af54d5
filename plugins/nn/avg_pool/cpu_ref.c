/* SPDX-License-Identifier: Apache-2.0
 *
 * Reference kernels of avg_pool, f32, f64 and bf16 by way of f32. Forward shares out the output's
 * rows, backward the images: an image's windows may overlap, and its sums keep their order on any
 * number of threads. The inner loops run over channels, side by side in memory.
 */
#include <string.h>

#include "avg_pool.h"
#include "fmp/kit/widen.h"

struct job {
  struct pool pool;
  int count_padding;
  void *x, *y; /* or dx, dy */
};

/* The part of a window that lies in the image, and what its sum is divided by. */
struct patch {
  int64_t top, bottom, left, right; /* rows [top, bottom), columns [left, right) of x */
  double divisor;
};

static struct patch patch_of(const struct job *job, int64_t i, int64_t j)
{
  const struct window_axis *wy = &job->pool.window.y, *wx = &job->pool.window.x;
  const int64_t top = window_origin(wy, i), left = window_origin(wx, j);
  struct patch p;
  window_taps(wy, i, &p.top, &p.bottom);
  window_taps(wx, j, &p.left, &p.right);
  p.divisor = job->count_padding ? (double)wy->size * (double)wx->size
                                 : (double)(p.bottom - p.top) * (double)(p.right - p.left);
  p.top += top;
  p.bottom += top;
  p.left += left;
  p.right += left;
  return p;
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

/* Of input 0 and output 0; of x~ only the shape is read. */
static size_t scratch(const fmp_kernel_args *args, const void *state)
{
  (void)state;
  return fmp_widen_bytes(&args->in[0]) + fmp_widen_bytes(&args->out[0]);
}

static fmp_status run(const fmp_call *call)
{
  const struct pool_params *params = call->params;
  fmp_widened w = fmp_widen_begin(call);
  const float *x;
  FMP_TRY(fmp_widen_in(&w, &call->in[0], &x));
  struct job job = {.count_padding = params->count_padding,
                    .x = (void *)(uintptr_t)x, /* read only */
                    .y = fmp_widen_out(&w, &call->out[0])};
  const fmp_range_fn body = call->in[0].dtype == FMP_F64 ? rows_f64 : rows_f32;
  FMP_TRY(pool_make(call->host, params, call->in[0].shape, &job.pool));
  const int64_t rows = job.pool.n * job.pool.window.y.out;
  const int64_t grain = window_grain(pool_row_operations(&job.pool));
  FMP_TRY(call->host->parallel_for(call, rows, grain, body, &job));
  return fmp_widen_end(&w, &call->out[0], job.y);
}

static fmp_status run_back(const fmp_call *call)
{
  const struct pool_params *params = call->params;
  fmp_widened w = fmp_widen_begin(call);
  const float *dy;
  FMP_TRY(fmp_widen_in(&w, &call->in[0], &dy));
  struct job job = {.count_padding = params->count_padding,
                    .x = fmp_widen_out(&w, &call->out[0]),
                    .y = (void *)(uintptr_t)dy};
  const fmp_range_fn body = call->out[0].dtype == FMP_F64 ? images_f64 : images_f32;
  FMP_TRY(pool_make(call->host, params, call->out[0].shape, &job.pool));
  const double rows = (double)job.pool.window.y.out;
  const int64_t grain = window_grain(rows * pool_row_operations(&job.pool));
  FMP_TRY(call->host->parallel_for(call, job.pool.n, grain, body, &job));
  return fmp_widen_end(&w, &call->out[0], job.x);
}

fmp_status avg_pool_register_ref(const fmp_host *h, fmp_registry *r)
{
  fmp_kernel_def def = {
      .struct_size = sizeof(def),
      .op = "avg_pool",
      .backend = "cpu",
      .name = "ref",
      .dtypes = FMP_FLOATS,
      .scratch = scratch,
      .run = run,
  };
  FMP_TRY(h->add_kernel(r, &def));
  def.op = "avg_pool_back";
  def.run = run_back;
  return h->add_kernel(r, &def);
}
