/* SPDX-License-Identifier: Apache-2.0
 *
 * loss.h: what the losses share: the attribute `reduction`, the shapes that follow from
 * it, and sums whose order depends on no number of threads.
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
             "what becomes of the single losses: their mean, their sum, or all of them"),
};

static inline enum loss_reduction loss_reduction_of(const void *params)
{
  const char first = ((const struct loss_params *)params)->reduction[0];
  return first == 'm' ? LOSS_MEAN : first == 's' ? LOSS_SUM : LOSS_NONE;
}

/* `each`: the spec of the single losses. A mean or sum is a number, of bf16 one of f32, as of
 * the reductions: bf16 has too few digits for it. */
static inline fmp_spec loss_spec(const void *params, const fmp_spec *each)
{
  const fmp_spec number = {.dtype = each->dtype == FMP_BF16 ? FMP_F32 : each->dtype};
  return loss_reduction_of(params) == LOSS_NONE ? *each : number;
}

static inline fmp_status loss_check_dloss(const fmp_host *h, const void *params,
                                          const fmp_spec *each, const fmp_spec *dloss)
{
  const fmp_spec loss = loss_spec(params, each);
  return fmp_check_same_spec(h, "loss", &loss, "dloss", dloss);
}

/* The op `back` on both inputs and dloss; returns its output 0. */
static inline fmp_value loss_emit_back(const fmp_host *h, fmp_builder *b, const char *back,
                                       const void *params)
{
  const struct loss_params *const p = (const struct loss_params *)params;
  const fmp_attr reduction = fmp_attr_string("reduction", p->reduction);
  const fmp_value in[] = {h->grad_in(b, 0), h->grad_in(b, 1), h->grad_dout(b, 0)};
  return h->emit(b, back, &reduction, 1, in, 3);
}

/* Sum or mean of `count` losses, from n partial sums in their order. The mean of no
 * losses is NaN, their sum 0. */
static inline double loss_total(enum loss_reduction reduction, const double *partial, int64_t n,
                                int64_t count)
{
  double total = 0;
  for (int64_t i = 0; i < n; i++) total += partial[i];
  return reduction == LOSS_MEAN ? total / (double)count : total;
}

#endif
