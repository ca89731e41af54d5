/* SPDX-License-Identifier: Apache-2.0
 *
 * Reference kernels, f32, f64 and bf16 by way of f32, exactly as defined: each output looks at its
 * window, and backward adds each gradient to the pixel that its argmax names, window by window,
 * each image on one thread. The fast kernels gather instead; per pixel both add in the order of
 * the windows, so they agree to the bit. */
#include "fmp/kit/register.h"
#include "fmp/kit/widen.h"
#include "fractional_max_pool.h"

enum { GRAIN = 16384 /* elements looked at that are worth a thread's while */ };

struct job {
  struct pooling p;
  const void *x;
  void *y;
  uint8_t *argmax;
  double slope;
};

struct back_job {
  struct pooling p;
  void *dx;
  const void *dy, *y; /* y NULL where slope is 1 */
  const uint8_t *argmax;
  double slope;
};

/* One window of one image. */
struct place {
  int64_t row, column, height, width;
};

static struct place place_of(const struct pooling *p, int64_t n, int64_t i, int64_t j)
{
  const struct windows y = axis_windows(&p->axis[0], n), x = axis_windows(&p->axis[1], n);
  const struct place at = {y.start[i], x.start[j], y.size[i], x.size[j]};
  return at;
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

/* -- kernels ------------------------------------------------------------------ */

/* The widened images first, then the tables. */
static size_t scratch(const fmp_kernel_args *args, const void *state)
{
  return fmp_widen_bytes(&args->in[FORWARD_X]) + fmp_widen_bytes(&args->out[0]) +
         pool_scratch_forward(args, state);
}

static size_t scratch_back(const fmp_kernel_args *args, const void *state)
{
  return fmp_widen_bytes(&args->in[BACK_DY]) + fmp_widen_bytes(&args->in[BACK_Y]) +
         fmp_widen_bytes(&args->out[0]) + pool_scratch_back(args, state);
}

static fmp_status run(const fmp_call *call)
{
  const struct pool_params *params = call->params;
  const fmp_range_fn body = call->in[FORWARD_X].dtype == FMP_F64 ? rows_f64 : rows_f32;
  fmp_widened w = fmp_widen_begin(call);
  struct job job = {.slope = params->slope, .argmax = call->n_out > 1 ? call->out[1].data : NULL};
  const float *x;
  FMP_TRY(fmp_widen_in(&w, &call->in[FORWARD_X], &x));
  job.x = x;
  job.y = fmp_widen_out(&w, &call->out[0]);
  FMP_TRY(pooling_begin(call, &call->in[FORWARD_X], &call->in[FORWARD_ROWS], w.rest, &job.p));
  const int64_t grain = GRAIN / (pooling_x_at(&job.p, 0, 1, 0) + 1) + 1;
  FMP_TRY(call->host->parallel_for(call, job.p.n * job.p.axis[0].out, grain, body, &job));
  return fmp_widen_end(&w, &call->out[0], job.y);
}

static fmp_status run_back(const fmp_call *call)
{
  const struct pool_params *params = call->params;
  const fmp_range_fn body = call->out[0].dtype == FMP_F64 ? images_f64 : images_f32;
  fmp_widened w = fmp_widen_begin(call);
  struct back_job job = {.slope = params->slope, .argmax = call->in[BACK_ARGMAX].data};
  const float *dy, *y;
  FMP_TRY(fmp_widen_in(&w, &call->in[BACK_DY], &dy));
  FMP_TRY(fmp_widen_in(&w, &call->in[BACK_Y], &y));
  job.dy = dy;
  job.y = y;
  job.dx = fmp_widen_out(&w, &call->out[0]);
  FMP_TRY(pooling_begin(call, &call->in[BACK_X], &call->in[BACK_ROWS], w.rest, &job.p));
  const int64_t grain = GRAIN / (pooling_x_at(&job.p, 1, 0, 0) + 1) + 1;
  FMP_TRY(call->host->parallel_for(call, job.p.n, grain, body, &job));
  return fmp_widen_end(&w, &call->out[0], job.dx);
}

static const fmp_kernel_def kernels[] = {
    {.struct_size = sizeof(fmp_kernel_def),
     .op = "fractional_max_pool",
     .backend = "cpu",
     .name = "ref",
     .dtypes = FMP_FLOATS | FMP_BIT(FMP_I32),
     .scratch = scratch,
     .run = run},
    {.struct_size = sizeof(fmp_kernel_def),
     .op = "fractional_max_pool_back",
     .backend = "cpu",
     .name = "ref",
     .dtypes = FMP_FLOATS | FMP_BIT(FMP_I32) | FMP_BIT(FMP_U8), /* u8: argmax */
     .scratch = scratch_back,
     .run = run_back},
};

fmp_status pool_add_ref(const fmp_host *h, fmp_registry *r)
{
  return FMP_ADD_KERNELS(h, r, kernels);
}
