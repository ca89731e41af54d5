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

#define OPTIM_FLOATS  (FMP_BIT(FMP_F32) | FMP_BIT(FMP_F64))
#define OPTIM_NUMBERS (OPTIM_FLOATS | FMP_BIT(FMP_I32) | FMP_BIT(FMP_I64))

enum { OPTIM_NAME = 16 /* of an input, with its number */ };

/* Where an op has its inputs. Its data, and that of its kernels, points to one of these. A group
 * is the inputs of one parameter, w first. */
struct optim_inputs {
  uint32_t group; /* inputs in it */
  uint32_t first; /* input of the first group */
  uint32_t lr, step;
  int is_many; /* groups repeat to the end; otherwise there is one */
};

/* Behind a single group there are fewer inputs than it has: the division drops them. */
static inline uint32_t optim_parameters(const struct optim_inputs *inputs, uint32_t n_in)
{
  return (n_in - inputs->first) / inputs->group;
}

/* -- checks ---------------------------------------------------------------- */

/* "expected lr as a number (rank 0) of f32 or f64, got f32 [1]" */
static inline fmp_status optim_check_number(const fmp_host *h, const char *name, const fmp_spec *s,
                                            uint64_t dtypes, const char *wanted)
{
  char text[FMP_SPEC_TEXT];
  const int typed = (dtypes & FMP_BIT(s->dtype)) != 0;
  FMP_REQUIRE(h, typed && s->rank == 0, typed ? FMP_ESHAPE : FMP_EDTYPE,
              "expected %s as a number (rank 0) of %s, got %s", name, wanted,
              h->spec_text(s, text));
  return FMP_OK;
}

/* An input's name in messages: "w3" for the third parameter, "w" for the only one, number 0. */
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

/* One loop over all parameters can be of one type only. */
static inline fmp_status optim_check_one_type(const fmp_host *h, const fmp_spec *first,
                                              const fmp_spec *w, uint32_t number)
{
  char text[FMP_SPEC_TEXT], other[FMP_SPEC_TEXT];
  FMP_REQUIRE(h, w->dtype == first->dtype, FMP_EDTYPE, "expected w%u of w1's type: %s, got %s",
              (unsigned)number, h->spec_text(first, text), h->spec_text(w, other));
  return FMP_OK;
}

/* in: the inputs of one parameter. */
typedef fmp_status (*optim_check)(const fmp_infer_args *a, const fmp_spec *in, uint32_t number);

/* Checks every parameter by the op's own check, and lr. */
static inline fmp_status optim_infer(const fmp_infer_args *a, optim_check check)
{
  const struct optim_inputs *const inputs = (const struct optim_inputs *)a->data;
  const fmp_spec *const first = &a->in[inputs->first];
  for (uint32_t k = 0; k < optim_parameters(inputs, a->n_in); k++) {
    const fmp_spec *const in = first + k * inputs->group;
    const uint32_t number = inputs->is_many ? k + 1 : 0;
    FMP_TRY(check(a, in, number));
    FMP_TRY(optim_check_one_type(a->host, first, in, number));
  }
  return optim_check_number(a->host, "lr", &a->in[inputs->lr], OPTIM_FLOATS, "f32 or f64");
}

/* -- numbers --------------------------------------------------------------- */

static inline double optim_number(const fmp_view *v)
{
  switch (v->dtype) {
  case FMP_F32: return (double)*(const float *)v->data;
  case FMP_F64: return *(const double *)v->data;
  case FMP_I32: return (double)*(const int32_t *)v->data;
  default: return (double)*(const int64_t *)v->data;
  }
}

/* A learning rate of NaN would silently ruin every weight. It must be finite in the weights' type
 * too. */
static inline fmp_status optim_read_lr(const fmp_call *call, double *lr)
{
  const struct optim_inputs *const inputs = (const struct optim_inputs *)call->data;
  *lr = optim_number(&call->in[inputs->lr]);
  const double stepped = call->in[inputs->first].dtype == FMP_F64 ? *lr : (double)(float)*lr;
  FMP_REQUIRE(call->host, *lr >= 0 && isfinite(stepped), FMP_EDATA,
              "expected a finite lr of 0 or more, got %g", *lr);
  return FMP_OK;
}

#endif
