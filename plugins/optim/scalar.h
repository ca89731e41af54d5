/* SPDX-License-Identifier: Apache-2.0
 *
 * scalar.h: what the optimizers share: checks of their inputs, and the numbers (learning
 * rate, step) that arrive as tensors of rank 0, so that they may change from call to call.
 */
#ifndef FMP_OPTIM_SCALAR_H
#define FMP_OPTIM_SCALAR_H

#include "fmp/kit/check.h"

#include <math.h>
#include <stdio.h>

enum {
  OPTIM_FLOATS = FMP_BIT(FMP_F32) | FMP_BIT(FMP_F64),
  OPTIM_NUMBERS = OPTIM_FLOATS | FMP_BIT(FMP_I32) | FMP_BIT(FMP_I64),
  OPTIM_GRAIN = 8192, /* elements for which a thread is worth waking */
  OPTIM_NAME = 16     /* of an input, with its number */
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

/* An input's name in messages: "w3" of the third parameter, "w" if number is 0: the only one. */
static inline const char *optim_name(const char *name, uint32_t number, char *text)
{
  if (number)
    snprintf(text, OPTIM_NAME, "%s%u", name, (unsigned)number);
  else
    snprintf(text, OPTIM_NAME, "%s", name);
  return text;
}

/* w of f32 or f64. */
static inline fmp_status optim_check_weights(const fmp_host *h, const fmp_spec *w, uint32_t number)
{
  char name[OPTIM_NAME];
  return fmp_check_dtype(h, optim_name("w", number, name), w, OPTIM_FLOATS, "f32 or f64");
}

/* x, the gradient or a state of w, of w's spec. */
static inline fmp_status optim_check_like(const fmp_host *h, const fmp_spec *w, const char *name,
                                          const fmp_spec *x, uint32_t number)
{
  char w_name[OPTIM_NAME], x_name[OPTIM_NAME];
  return fmp_check_same_spec(h, optim_name("w", number, w_name), w,
                             optim_name(name, number, x_name), x);
}

/* One loop over all parameters is a loop of one type. */
static inline fmp_status optim_check_one_type(const fmp_host *h, const fmp_spec *first,
                                              const fmp_spec *w, uint32_t number)
{
  char text[FMP_SPEC_TEXT], other[FMP_SPEC_TEXT];
  FMP_REQUIRE(h, w->dtype == first->dtype, FMP_EDTYPE, "expected w%u of w1's type: %s, got %s",
              (unsigned)number, h->spec_text(first, text), h->spec_text(w, other));
  return FMP_OK;
}

static inline double optim_number(const fmp_view *v)
{
  switch (v->dtype) {
  case FMP_F32: return (double)*(const float *)v->data;
  case FMP_F64: return *(const double *)v->data;
  case FMP_I32: return (double)*(const int32_t *)v->data;
  default: return (double)*(const int64_t *)v->data;
  }
}

/* A learning rate that is not a number would spoil every weight without a word. `dtype`: the
 * weights', in which it must be finite too. */
static inline fmp_status optim_read_lr(const fmp_host *h, const fmp_view *v, uint32_t dtype,
                                       double *lr)
{
  *lr = optim_number(v);
  const double stepped = dtype == FMP_F64 ? *lr : (double)(float)*lr;
  FMP_REQUIRE(h, *lr >= 0 && isfinite(stepped), FMP_EDATA,
              "expected a finite lr of 0 or more, got %g", *lr);
  return FMP_OK;
}

#endif
