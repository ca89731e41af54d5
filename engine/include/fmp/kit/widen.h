/* SPDX-License-Identifier: Apache-2.0
 *
 * kit/widen.h: bf16 by way of f32. A kernel that computes in f32 serves bf16 too if its inputs are
 * widened into scratch memory first, and its results rounded from there, once. It is marked
 * FMP_KERNEL_WIDENS then, since it is no faster than f32.
 *
 *   scratch():  return fmp_widen_bytes(&args->in[0]) + fmp_widen_bytes(&args->out[0]);
 *   run():      fmp_widened w = fmp_widen_begin(call);
 *               const float *x;
 *               FMP_TRY(fmp_widen_in(&w, &call->in[0], &x));
 *               float *y = fmp_widen_out(&w, &call->out[0]);
 *               ... compute y from x; w.rest is scratch memory that is left ...
 *               return fmp_widen_end(&w, &call->out[0], y);
 *
 * Views that are not bf16 are used where they are and take no scratch memory, so one run() serves
 * f32 as well.
 *
 * Assumed: views are contiguous, as kernels get them unless they take strides; scratch() has
 * counted each view that run() widens, and whatever else run() takes from `rest`. Inputs and
 * outputs that share memory (in-place pairs) are harmless: in bf16 the computation runs on
 * copies. */
#ifndef FMP_KIT_WIDEN_H
#define FMP_KIT_WIDEN_H

#include "fmp/kit/check.h"
#include "fmp/kit/half.h"
#include "fmp/kit/loops.h"

/* The scratch memory of one call, as it is handed out from its beginning. Pieces come in the order
 * of the calls that ask for them, each 64-byte aligned. */
typedef struct fmp_widened {
  const fmp_call *call; /* borrowed; its parallel loop widens and rounds */
  char *rest;           /* scratch memory that is left, 64-byte aligned */
} fmp_widened;

/* -- scratch memory -------------------------------------------------------- */

/* Bytes of scratch memory that n elements take in f32: 4 n rounded up to a multiple of 64 for bf16,
 * so that the next piece is aligned again; 0 for any other type. */
static inline size_t fmp_widen_size(uint32_t dtype, int64_t n)
{
  return dtype == FMP_BF16 ? ((size_t)n * sizeof(float) + 63) / 64 * 64 : 0;
}

/* The same for a spec, for scratch(). An absent input or output takes none. */
static inline size_t fmp_widen_bytes(const fmp_spec *s)
{
  return fmp_widen_size(s->dtype, fmp_spec_size(s));
}

/* Nothing has been handed out yet. Once in each run(). */
static inline fmp_widened fmp_widen_begin(const fmp_call *call)
{
  fmp_widened w;
  w.call = call;
  w.rest = (char *)call->scratch;
  return w;
}

/* -- from bf16 and back ---------------------------------------------------- */

/* What the loops below need: elements as they are stored, and as they are computed. */
typedef struct fmp_widen_job {
  uint16_t *low; /* bf16 as bits */
  float *wide;
} fmp_widen_job;

/* wide[i] = low[i], exactly: bf16 is the upper half of an f32. The two do not overlap. */
static inline fmp_status fmp_widen_range(const fmp_range *r)
{
  const fmp_widen_job *job = (const fmp_widen_job *)r->arg;
  const int64_t end = r->end;
  FMP_LOOP_INDEPENDENT
  for (int64_t i = r->begin; i < end; i++) job->wide[i] = fmp_bf16_to_f32(job->low[i]);
  return FMP_OK;
}

/* low[i] = wide[i], rounded to nearest, ties to even (half.h). */
static inline fmp_status fmp_narrow_range(const fmp_range *r)
{
  const fmp_widen_job *job = (const fmp_widen_job *)r->arg;
  const int64_t end = r->end;
  FMP_LOOP_INDEPENDENT
  for (int64_t i = r->begin; i < end; i++) job->low[i] = fmp_bf16_of_f32(job->wide[i]);
  return FMP_OK;
}

/* -- inputs and outputs ---------------------------------------------------- */

/* Where v's elements are to be written in f32: v's own memory, or the next piece of scratch memory,
 * which is not initialised. For an output that is there; an absent one's data is NULL in either
 * type, so ask first. */
static inline float *fmp_widen_out(fmp_widened *w, const fmp_view *v)
{
  float *data = (float *)v->data;
  if (v->dtype != FMP_BF16) return data;
  data = (float *)(void *)w->rest;
  w->rest += fmp_widen_size(v->dtype, fmp_view_size(v));
  return data;
}

/* *data: v's elements in f32, widened on the threads of the call if they are bf16; NULL for an
 * absent view. What *data points to is only to be read: it may be the input itself. Inputs in any
 * order, but each that scratch() has counted at most once. */
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

/* Rounds what was computed at `data`, which fmp_widen_out gave for v, into v's memory, on the
 * threads of the call. Does nothing unless v is bf16, so it can be the last line of run() for any
 * type. Once for each output that is there; the first failure is the status to return. */
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
