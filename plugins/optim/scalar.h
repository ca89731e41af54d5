/* SPDX-License-Identifier: Apache-2.0
 *
 * scalar.h: what the optimizers share: checks of their inputs, and the numbers (learning
 * rate, step) that arrive as tensors of rank 0, so that they may change from call to call.
 */
#ifndef FMP_OPTIM_SCALAR_H
#define FMP_OPTIM_SCALAR_H

#include "fmp/kit/check.h"

#include <math.h>

enum {
  OPTIM_FLOATS = FMP_BIT(FMP_F32) | FMP_BIT(FMP_F64),
  OPTIM_NUMBERS = OPTIM_FLOATS | FMP_BIT(FMP_I32) | FMP_BIT(FMP_I64),
  OPTIM_GRAIN = 8192 /* elements for which a thread is worth waking */
};

/* "expected lr as a number (rank 0) of f32 or f64, got f32 [1]" */
static inline fmp_status optim_check_number(const fmp_host *h, const char *name, const fmp_spec *s,
                                            uint32_t dtypes, const char *wanted)
{
  char text[FMP_SPEC_TEXT];
  const int typed = (dtypes & FMP_BIT(s->dtype)) != 0;
  FMP_REQUIRE(h, typed && s->rank == 0, typed ? FMP_ESHAPE : FMP_EDTYPE,
              "expected %s as a number (rank 0) of %s, got %s", name, wanted,
              h->spec_text(s, text));
  return FMP_OK;
}

/* w of f32 or f64; g, and the state if there is one, of w's spec. */
static inline fmp_status optim_check_weights(const fmp_host *h, const fmp_spec *w,
                                             const fmp_spec *g)
{
  FMP_TRY(fmp_check_dtype(h, "w", w, OPTIM_FLOATS, "f32 or f64"));
  return fmp_check_same_spec(h, "w", w, "g", g);
}

static inline double optim_number(const fmp_view *v)
{
  switch (v->dtype) {
  case FMP_F32:
    return (double)*(const float *)v->data;
  case FMP_F64:
    return *(const double *)v->data;
  case FMP_I32:
    return (double)*(const int32_t *)v->data;
  default:
    return (double)*(const int64_t *)v->data;
  }
}

/* A learning rate that is not a number would spoil every weight without a word. */
static inline fmp_status optim_read_lr(const fmp_host *h, const fmp_view *v, double *lr)
{
  *lr = optim_number(v);
  FMP_REQUIRE(h, *lr >= 0 && isfinite(*lr), FMP_EDATA, "expected a finite lr of 0 or more, got %g",
              *lr);
  return FMP_OK;
}

#endif
