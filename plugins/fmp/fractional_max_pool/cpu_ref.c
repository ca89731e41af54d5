/* SPDX-License-Identifier: Apache-2.0
 *
 * Reference kernels, f32 and f64, as the definition reads: each output looks at its
 * window, and backward carries each gradient to where its argmax says, window by window,
 * each image on one thread. The fast kernels gather instead; per pixel both add in the
 * order of the windows, so they agree to the bit. */
#include "fractional_max_pool.h"

enum { GRAIN = 16384 /* elements looked at that are worth a thread's while */ };

struct job {
  struct pooling p;
  void *x, *y; /* or dx, dy */
  uint8_t *argmax;
  const void *activated; /* backward: y; NULL where slope is 1 */
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

static fmp_status run(const fmp_call *call)
{
  const struct pool_params *params = call->params;
  struct job job = {.x = call->in[FORWARD_X].data,
                    .y = call->out[0].data,
                    .slope = params->slope,
                    .argmax = call->n_out > 1 ? call->out[1].data : NULL};
  const fmp_range_fn body = call->in[FORWARD_X].dtype == FMP_F64 ? rows_f64 : rows_f32;
  FMP_TRY(pooling_begin(call, &call->in[FORWARD_X], &call->in[FORWARD_ROWS], &job.p));
  const int64_t grain = GRAIN / (pooling_x_at(&job.p, 0, 1, 0) + 1) + 1;
  return call->host->parallel_for(call, job.p.n * job.p.axis[0].out, grain, body, &job);
}

static fmp_status run_back(const fmp_call *call)
{
  const struct pool_params *params = call->params;
  struct job job = {.x = call->out[0].data,
                    .y = call->in[BACK_DY].data,
                    .argmax = call->in[BACK_ARGMAX].data,
                    .activated = call->in[BACK_Y].data,
                    .slope = params->slope};
  const fmp_range_fn body = call->out[0].dtype == FMP_F64 ? images_f64 : images_f32;
  FMP_TRY(pooling_begin(call, &call->in[BACK_X], &call->in[BACK_ROWS], &job.p));
  const int64_t grain = GRAIN / (pooling_x_at(&job.p, 1, 0, 0) + 1) + 1;
  return call->host->parallel_for(call, job.p.n, grain, body, &job);
}

fmp_status pool_add_ref(const fmp_host *h, fmp_registry *r)
{
  const uint32_t types = FMP_BIT(FMP_F32) | FMP_BIT(FMP_F64) | FMP_BIT(FMP_I32);
  fmp_kernel_def def = {
      .struct_size = sizeof(def),
      .op = "fractional_max_pool",
      .backend = "cpu",
      .name = "ref",
      .dtypes = types,
      .scratch = pool_scratch_forward,
      .run = run,
  };
  FMP_TRY(h->add_kernel(r, &def));
  def.op = "fractional_max_pool_back";
  def.dtypes = types | FMP_BIT(FMP_U8); /* argmax */
  def.scratch = pool_scratch_back;
  def.run = run_back;
  return h->add_kernel(r, &def);
}
