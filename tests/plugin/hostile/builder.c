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

static fmp_status gradient(const fmp_host *h, fmp_builder *b, const void *params)
{
  const struct params *p = params;
  const fmp_value dy = h->grad_dout(b, 0), bad = NO_VALUE, many[9] = {dy, dy, dy, dy, dy};
  switch (p->how) {
  case 1: h->grad_set(b, 0, h->emit(b, "neg", NULL, 0, &dy, 1)); return FMP_OK; /* not listed */
  case 2: h->grad_set(b, 0, h->emit(b, "sum", NULL, 0, &dy, 1)); return FMP_OK; /* its shape */
  case 3: h->grad_set(b, 7, dy); return FMP_OK;
  case 4: h->grad_set(b, 0, h->grad_in(b, 9)); return FMP_OK;
  case 5: h->grad_set(b, 0, bad); return FMP_OK;
  case 6: h->emit(b, "sum", NULL, 0, &bad, 1); return FMP_OK;
  case 7: h->emit(b, "sum", NULL, 0, many, 9); return FMP_OK;
  case 8: h->output(b, dy, 3); return FMP_OK;
  case 9: return FMP_EDEVICE; /* without a text */
  case 10: return NO_STATUS;
  default: h->grad_set(b, 0, dy); return FMP_OK;
  }
}

/* -- a rewrite ------------------------------------------------------------- */

static fmp_status emit(const fmp_host *h, fmp_builder *b)
{
  const struct params *p = h->node_params(b, 0);
  const fmp_value x = h->node_in(b, 0, 0), bad = NO_VALUE;
  if (!p) return FMP_OK;
  switch (p->how) {
  case 1: h->emit(b, "hostile_nobody_has_this", NULL, 0, &x, 1); return FMP_OK;
  case 2: h->replace(b, 0, h->emit(b, "sum", NULL, 0, &x, 1)); return FMP_OK; /* its shape */
  case 3: h->replace(b, 7, x); return FMP_OK;
  case 4: h->replace(b, 0, h->node_in(b, 0, 9)); return FMP_OK;
  case 5: h->replace(b, 0, bad); return FMP_OK;
  case 6: h->emit(b, "sum", NULL, 0, &bad, 1); return FMP_OK;
  case 7: h->emit_node(b, 5, &x, 1); return FMP_OK;
  case 8: h->node_params(b, 5); return FMP_OK;
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
      FMP_ATTR(struct params, how, FMP_ATTR_I64, NULL, "[0,10]", "in which way; 0: none")};
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
