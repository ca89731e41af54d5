/* SPDX-License-Identifier: Apache-2.0
 * Makes a job for threads of a call of any pooling kernel. bf16 goes through f32. */
#include "kernel.h"

#include "fmp/kit/widen.h"

fmp_status pool_forward(const fmp_call *call)
{
  const struct pool_loops *loops = call->data;
  const struct pool_params *params = call->params;
  fmp_widened w = fmp_widen_begin(call);
  const float *x;
  FMP_TRY(fmp_widen_in(&w, &call->in[0], &x));
  struct pool_job job = {.h = call->host,
                         .count_padding = params->count_padding,
                         .x = (void *)(uintptr_t)x, /* read only */
                         .y = fmp_widen_out(&w, &call->out[0]),
                         .argmax = call->n_out > 1 ? call->out[1].data : NULL};
  const fmp_range_fn body = loops->forward[call->in[0].dtype == FMP_F64];
  FMP_TRY(pool_make(call->host, params, call->in[0].shape, &job.pool));
  const int64_t rows = job.pool.n * job.pool.window.y.out;
  const int64_t grain = window_grain(pool_row_operations(&job.pool));
  FMP_TRY(call->host->parallel_for(call, rows, grain, body, &job));
  return fmp_widen_end(&w, &call->out[0], job.y);
}

fmp_status pool_back(const fmp_call *call)
{
  const struct pool_loops *loops = call->data;
  const struct pool_params *params = call->params;
  fmp_widened w = fmp_widen_begin(call);
  const float *dy;
  FMP_TRY(fmp_widen_in(&w, &call->in[0], &dy));
  struct pool_job job = {.h = call->host,
                         .count_padding = params->count_padding,
                         .x = fmp_widen_out(&w, &call->out[0]),
                         .y = (void *)(uintptr_t)dy, /* read only */
                         .argmax = call->n_in > 2 ? call->in[1].data : NULL};
  const fmp_range_fn body = loops->back[call->out[0].dtype == FMP_F64];
  FMP_TRY(pool_make(call->host, params, call->out[0].shape, &job.pool));
  const int64_t pieces = loops->lanes > 0 ? job.pool.window.y.in : 1; /* of an image */
  const double image = (double)job.pool.window.y.out * pool_row_operations(&job.pool);
  const int64_t grain = window_grain(image / (double)pieces);
  FMP_TRY(call->host->parallel_for(call, job.pool.n * pieces, grain, body, &job));
  return fmp_widen_end(&w, &call->out[0], job.x);
}

/* The fast loops have no masks backward, so there must be a whole vector of channels. */
int32_t pool_back_fits(const fmp_kernel_args *args)
{
  const struct pool_loops *loops = args->data;
  return args->in[0].shape[3] >= loops->lanes;
}

/* For input 0 and output 0: argmax is bytes, and of x~ only the shape is read. */
size_t pool_scratch(const fmp_kernel_args *args, const void *state)
{
  (void)state;
  return fmp_widen_bytes(&args->in[0]) + fmp_widen_bytes(&args->out[0]);
}
