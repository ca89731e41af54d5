/* SPDX-License-Identifier: Apache-2.0
 * An op whose gradient, and a rewrite whose emit(), misuse the builder: attribute `how` says
 * in which way. */
#include "fmp/kit/check.h"
#include "hostile.h"

#include <string.h>

struct params {
  int64_t how;
};

enum { NO_VALUE = 4711, NO_STATUS = 4711 };

/* -- a gradient ------------------------------------------------------------ */

static fmp_status gradient(const fmp_gradient_args *a)
{
  const struct params *p = a->params;
  const fmp_value dy = a->host->grad_dout(a->builder, 0), bad = NO_VALUE,
                  many[9] = {dy, dy, dy, dy, dy};
  switch (p->how) {
  case 1:
    a->host->grad_set(a->builder, 0, a->host->emit(a->builder, "neg", NULL, 0, &dy, 1));
    return FMP_OK; /* not listed */
  case 2:
    a->host->grad_set(a->builder, 0, a->host->emit(a->builder, "sum", NULL, 0, &dy, 1));
    return FMP_OK; /* its shape */
  case 3: a->host->grad_set(a->builder, 7, dy); return FMP_OK;
  case 4: a->host->grad_set(a->builder, 0, a->host->grad_in(a->builder, 9)); return FMP_OK;
  case 5: a->host->grad_set(a->builder, 0, bad); return FMP_OK;
  case 6: a->host->emit(a->builder, "sum", NULL, 0, &bad, 1); return FMP_OK;
  case 7: a->host->emit(a->builder, "sum", NULL, 0, many, 9); return FMP_OK;
  case 8: a->host->output(a->builder, dy, 3); return FMP_OK;
  case 9: return FMP_EDEVICE; /* without a text */
  case 10: return NO_STATUS;
  case 11: return FMP_OK; /* it is not set */
  case 12:
    a->host->grad_set(a->builder, 0, dy);
    a->host->grad_set(a->builder, 0, dy);
    return FMP_OK;
  case 13: a->host->grad_set(a->builder, 0, 0); return FMP_OK; /* zero */
  default: a->host->grad_set(a->builder, 0, dy); return FMP_OK;
  }
}

/* -- a rewrite ------------------------------------------------------------- */

static fmp_status emit(const fmp_rewrite_args *a)
{
  const struct params *p = a->host->node_params(a->builder, 0);
  const fmp_value x = a->host->node_in(a->builder, 0, 0), bad = NO_VALUE;
  if (!p) return FMP_OK;
  switch (p->how) {
  case 1: a->host->emit(a->builder, "hostile_nobody_has_this", NULL, 0, &x, 1); return FMP_OK;
  case 2:
    a->host->replace(a->builder, 0, a->host->emit(a->builder, "sum", NULL, 0, &x, 1));
    return FMP_OK; /* its shape */
  case 3: a->host->replace(a->builder, 7, x); return FMP_OK;
  case 4: a->host->replace(a->builder, 0, a->host->node_in(a->builder, 0, 9)); return FMP_OK;
  case 5: a->host->replace(a->builder, 0, bad); return FMP_OK;
  case 6: a->host->emit(a->builder, "sum", NULL, 0, &bad, 1); return FMP_OK;
  case 7: a->host->emit_node(a->builder, 5, &x, 1); return FMP_OK;
  case 8: a->host->node_params(a->builder, 5); return FMP_OK;
  case 9: return FMP_EDEVICE; /* without a text */
  case 10: return NO_STATUS;
  default: return FMP_OK; /* no rewrite */
  }
}

/* -- entry ----------------------------------------------------------------- */

static fmp_status run(const fmp_call *call)
{
  memcpy(call->out[0].data, call->in[0].data, (size_t)fmp_view_size(&call->out[0]) * sizeof(float));
  return FMP_OK;
}

static fmp_status add_op(const fmp_host *h, fmp_registry *r, const char *name)
{
  static const fmp_attr_def attrs[] = {
      FMP_ATTR(struct params, how, FMP_ATTR_I64, NULL, "[0,13]", "in which way; 0: none")};
  const fmp_kernel_def kernel = {.struct_size = sizeof kernel,
                                 .op = name,
                                 .backend = "cpu",
                                 .name = "ref",
                                 .dtypes = FMP_BIT(FMP_F32),
                                 .run = run};
  fmp_op_def def = plain_op(name);
  def.attrs = attrs;
  def.n_attr = 1;
  def.params_size = sizeof(struct params);
  def.gradient = gradient;
  def.gradient_ops = "sum";
  FMP_TRY(h->add_op(r, &def));
  return h->add_kernel(r, &kernel);
}

static fmp_status load(const fmp_host *h, fmp_registry *r)
{
  const fmp_rewrite_def rewrite = {.struct_size = sizeof rewrite,
                                   .name = "hostile_rewrite",
                                   .chain = "hostile_rewritten",
                                   .phase = FMP_REWRITE_AFTER_GRADIENTS,
                                   .emit = emit};
  FMP_TRY(add_op(h, r, "hostile_differentiated"));
  FMP_TRY(add_op(h, r, "hostile_rewritten"));
  return h->add_rewrite(r, &rewrite);
}

FMP_PLUGIN("builder", "1.0", "misuses the builder", load);
