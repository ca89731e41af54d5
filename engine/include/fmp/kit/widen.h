/* SPDX-License-Identifier: Apache-2.0
 *
 * bf16 by way of f32: a kernel that computes in f32 serves bf16 too if its inputs are
 * widened into scratch memory first and its results rounded from there, once.
 *
 *   scratch():  return fmp_widen_bytes(&args->in[0]) + fmp_widen_bytes(&args->out[0]);
 *   run():      fmp_widened w = fmp_widen_begin(call);
 *               const float *x;
 *               FMP_TRY(fmp_widen_in(&w, &call->in[0], &x));
 *               float *y = fmp_widen_out(&w, &call->out[0]);
 *               ... compute y from x; w.rest is scratch memory that is left ...
 *               return fmp_widen_end(&w, &call->out[0], y);
 *
 * Views that are not bf16 are used as they are and take no scratch memory. Views are
 * contiguous, as kernels get them.
 */
#ifndef FMP_KIT_WIDEN_H
#define FMP_KIT_WIDEN_H

#include "fmp/kit/check.h"
#include "fmp/kit/half.h"
#include "fmp/kit/loops.h"

typedef struct fmp_widened {
  const fmp_call *call;
  char *rest; /* scratch memory that is left, 64-byte aligned */
} fmp_widened;

static inline size_t fmp_widen_size(uint32_t dtype, int64_t n)
{
  return dtype == FMP_BF16 ? ((size_t)n * sizeof(float) + 63) / 64 * 64 : 0;
}

static inline size_t fmp_widen_bytes(const fmp_spec *s)
{
  return fmp_widen_size(s->dtype, fmp_spec_size(s));
}

static inline fmp_widened fmp_widen_begin(const fmp_call *call)
{
  fmp_widened w;
  w.call = call;
  w.rest = (char *)call->scratch;
  return w;
}

typedef struct fmp_widen_job {
  uint16_t *low;
  float *wide;
} fmp_widen_job;

static inline fmp_status fmp_widen_range(void *arg, int64_t begin, int64_t end)
{
  const fmp_widen_job *job = (const fmp_widen_job *)arg;
  FMP_LOOP_INDEPENDENT
  for (int64_t i = begin; i < end; i++) job->wide[i] = fmp_bf16_to_f32(job->low[i]);
  return FMP_OK;
}

static inline fmp_status fmp_narrow_range(void *arg, int64_t begin, int64_t end)
{
  const fmp_widen_job *job = (const fmp_widen_job *)arg;
  FMP_LOOP_INDEPENDENT
  for (int64_t i = begin; i < end; i++) job->low[i] = fmp_bf16_of_f32(job->wide[i]);
  return FMP_OK;
}

/* Where v's elements go in f32. */
static inline float *fmp_widen_out(fmp_widened *w, const fmp_view *v)
{
  float *data = (float *)v->data;
  if (v->dtype != FMP_BF16) return data;
  data = (float *)(void *)w->rest;
  w->rest += fmp_widen_size(v->dtype, fmp_view_size(v));
  return data;
}

/* v's elements in f32; an absent view gives NULL. */
static inline fmp_status fmp_widen_in(fmp_widened *w, const fmp_view *v, const float **data)
{
  fmp_widen_job job;
  *data = (const float *)v->data;
  if (v->dtype != FMP_BF16 || v->data == NULL) return FMP_OK;
  job.low = (uint16_t *)v->data;
  job.wide = fmp_widen_out(w, v);
  *data = job.wide;
  return w->call->host->parallel_for(w->call, fmp_view_size(v), FMP_LOOP_GRAIN, fmp_widen_range,
                                     &job);
}

/* Rounds what was computed where fmp_widen_out said. */
static inline fmp_status fmp_widen_end(fmp_widened *w, const fmp_view *v, float *data)
{
  fmp_widen_job job;
  if (v->dtype != FMP_BF16) return FMP_OK;
  job.low = (uint16_t *)v->data;
  job.wide = data;
  return w->call->host->parallel_for(w->call, fmp_view_size(v), FMP_LOOP_GRAIN, fmp_narrow_range,
                                     &job);
}

#endif
