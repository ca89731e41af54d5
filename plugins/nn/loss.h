/* SPDX-License-Identifier: Apache-2.0
 *
 * loss.h: what the losses share: the attribute `reduction`, the shapes that follow from it, and
 * sums whose order does not depend on the number of threads.
 */
#ifndef FMP_NN_LOSS_H
#define FMP_NN_LOSS_H

#include "fmp/kit/attr.h"
#include "fmp/kit/check.h"

struct loss_params {
  const char *reduction;
};

enum loss_reduction { LOSS_MEAN, LOSS_SUM, LOSS_NONE };

static const fmp_attr_def loss_attrs[] = {
    FMP_ATTR(struct loss_params, reduction, FMP_ATTR_STRING, "mean", "mean|sum|none",
             "the mean or the sum of the single losses, or none: each of them"),
};

static inline enum loss_reduction loss_reduction_of(const void *params)
{
  const char first = ((const struct loss_params *)params)->reduction[0];
  return first == 'm' ? LOSS_MEAN : first == 's' ? LOSS_SUM : LOSS_NONE;
}

/* `each`: the spec of the individual losses. A mean or sum is a number, and for bf16 one of f32,
 * as with the reductions: bf16 has too few digits for it. */
static inline fmp_spec loss_spec(const void *params, const fmp_spec *each)
{
  const fmp_spec number = {.dtype = each->dtype == FMP_BF16 ? FMP_F32 : each->dtype};
  return loss_reduction_of(params) == LOSS_NONE ? *each : number;
}

static inline fmp_status loss_check_dloss(const fmp_infer_args *a, const fmp_spec *each,
                                          const fmp_spec *dloss)
{
  const fmp_spec loss = loss_spec(a->params, each);
  return fmp_check_same_spec(a->host, "loss", &loss, "dloss", dloss);
}

/* The op `back` on both inputs and dloss; returns its output 0. */
static inline fmp_value loss_emit_back(const fmp_gradient_args *a, const char *back)
{
  const fmp_host *const h = a->host;
  fmp_builder *const b = a->builder;
  const struct loss_params *const p = (const struct loss_params *)a->params;
  const fmp_attr reduction = fmp_attr_string("reduction", p->reduction);
  const fmp_value in[] = {h->grad_in(b, 0), h->grad_in(b, 1), h->grad_dout(b, 0)};
  return h->emit(b, back, &reduction, 1, in, 3);
}

/* Sum or mean of `count` losses, from n partial sums in order. The mean of no losses is NaN, their
 * sum 0. */
static inline double loss_total(enum loss_reduction reduction, const double *partial, int64_t n,
                                int64_t count)
{
  double total = 0;
  for (int64_t i = 0; i < n; i++) total += partial[i];
  return reduction == LOSS_MEAN ? total / (double)count : total;
}

#endif
