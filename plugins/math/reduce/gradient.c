/* SPDX-License-Identifier: Apache-2.0
 *
 * Gradients of the reductions. How many elements were reduced is never written into an
 * attribute: kernels take it from shapes, so that the batch stays open. */
#include "reduce.h"
#include "fmp/kit/attr.h"
#include "fmp/kit/check.h"

/* Emits an op that takes the attributes axes and keep: those of the op that is differentiated. */
static fmp_value emit(const fmp_gradient_args *args, const char *op, const fmp_value *in,
                      uint32_t n_in)
{
  const reduce_params *p = args->params;
  const fmp_attr attrs[] = {fmp_attr_list("axes", FMP_ATTR_I64S, p->axes),
                            fmp_attr_bool("keep", p->keep)};
  return args->host->emit(args->builder, op, attrs, 2, in, n_in);
}

/* dx = dy, repeated along the axes. */
fmp_status reduce_grad_sum(const fmp_gradient_args *args)
{
  const fmp_host *h = args->host;
  const fmp_value in[] = {h->grad_dout(args->builder, 0), h->grad_in(args->builder, 0)};
  h->grad_set(args->builder, 0, emit(args, "broadcast_like", in, 2));
  return FMP_OK;
}

/* dx = dy / count, repeated along the axes. Divided first: there are fewer. */
fmp_status reduce_grad_mean(const fmp_gradient_args *args)
{
  const fmp_host *h = args->host;
  fmp_builder *b = args->builder;
  fmp_value in[] = {h->grad_dout(b, 0), h->grad_in(b, 0)};
  in[0] = h->emit(b, "mean_back", NULL, 0, in, 2);
  h->grad_set(b, 0, emit(args, "broadcast_like", in, 2));
  return FMP_OK;
}

fmp_status reduce_grad_extreme(const fmp_gradient_args *args)
{
  const fmp_host *h = args->host;
  fmp_builder *b = args->builder;
  const fmp_value in[] = {h->grad_in(b, 0), h->grad_out(b, 0), h->grad_dout(b, 0)};
  h->grad_set(b, 0, emit(args, "extreme_back", in, 3));
  return FMP_OK;
}

fmp_status reduce_grad_sum_to(const fmp_gradient_args *args)
{
  const fmp_host *h = args->host;
  fmp_builder *b = args->builder;
  const fmp_value in[] = {h->grad_dout(b, 0), h->grad_in(b, 0)};
  h->grad_set(b, 0, h->emit(b, "broadcast_like", NULL, 0, in, 2));
  return FMP_OK;
}

/* Undone in reverse: what was put in at the axes is summed away, then what repeated. */
fmp_status reduce_grad_broadcast_like(const fmp_gradient_args *args)
{
  const fmp_host *h = args->host;
  fmp_builder *b = args->builder;
  const reduce_params *p = args->params;
  fmp_value in[] = {h->grad_dout(b, 0), h->grad_in(b, 0)};
  fmp_spec have = {0}, want = {0};
  if (p->axes.count > 0 && !p->keep) in[0] = emit(args, "sum", in, 1);
  h->spec(b, in[0], &have);
  h->spec(b, in[1], &want);
  h->grad_set(b, 0, fmp_same_shape(&have, &want) ? in[0] : h->emit(b, "sum_to", NULL, 0, in, 2));
  return FMP_OK;
}

/* Linear: the same division of what comes in. */
fmp_status reduce_grad_mean_back(const fmp_gradient_args *args)
{
  const fmp_host *h = args->host;
  fmp_builder *b = args->builder;
  const fmp_value in[] = {h->grad_dout(b, 0), h->grad_in(b, 1)};
  h->grad_set(b, 0, h->emit(b, "mean_back", NULL, 0, in, 2));
  return FMP_OK;
}
