/* SPDX-License-Identifier: Apache-2.0
 * An op with a gradient, and one with a rewrite in each phase, of which each calls one function of
 * the builder: attribute `function` says which, `way` how. */
#include "fmp/kit/check.h"
#include "hostile.h"

#include <string.h>

struct params {
  int64_t function, way;
};

/* Ways; see plugin_place_test.c. */
enum { PLAIN, NO_BUILDER, OTHER_BUILDER, NO_ARGUMENT, BEYOND };
enum { GRAD_SET_INPUT = 10, GRAD_SET_VALUE = 11 }; /* functions */
enum { NO_VALUE = 4711, NO_INDEX = 4711, NO_COUNT = 1 << 30 };

/* Stands for a builder that was passed to another call: the engine must not look into it. */
static char another;

/* v: a value of the graph. The arguments are good but for the way at hand. */
static void call(const fmp_host *h, fmp_builder *lent, const struct params *p, fmp_value v)
{
  fmp_builder *b = p->way == NO_BUILDER      ? NULL
                   : p->way == OTHER_BUILDER ? (fmp_builder *)(void *)&another
                                             : lent;
  const fmp_value in[1] = {p->way == BEYOND ? NO_VALUE : v};
  const uint32_t i = p->way == BEYOND ? NO_INDEX : 0;
  const int none = p->way == NO_ARGUMENT;
  fmp_spec spec;
  fmp_attr attr;
  switch (p->function) {
  case 0: h->emit(b, none ? NULL : "sum", NULL, 0, in, 1); break;
  case 1: h->emit(b, "sum", NULL, 0, none ? NULL : in, p->way == BEYOND ? NO_COUNT : 1); break;
  case 2: h->emit(b, "sum", NULL, none ? 1 : p->way == BEYOND ? NO_COUNT : 0, in, 1); break;
  case 3: h->output(b, in[0], i); break;
  case 4: h->spec(b, in[0], none ? NULL : &spec); break;
  case 5: h->grad_inputs(b); break;
  case 6: h->grad_wants(b, i); break;
  case 7: h->grad_in(b, i); break;
  case 8: h->grad_out(b, i); break;
  case 9: h->grad_dout(b, i); break;
  case GRAD_SET_INPUT: h->grad_set(b, i, v); break;
  case GRAD_SET_VALUE: h->grad_set(b, 0, in[0]); break;
  case 12: h->node_params(b, i); break;
  case 13: h->node_in(b, i, 0); break;
  case 14: h->node_in(b, 0, i); break;
  case 15: h->replace(b, i, 0); break;
  case 16: h->replace(b, 0, in[0]); break;
  case 17: h->emit_node(b, i, in, 1); break;
  case 18: h->emit_node(b, 0, none ? NULL : in, 1); break;
  case 19: h->node_attr(b, i, none ? NULL : "way", &attr); break;
  default: h->node_attr(b, i, "way", none ? NULL : &attr); break;
  }
}

/* -- the places ------------------------------------------------------------ */

static fmp_status gradient(const fmp_gradient_args *a)
{
  const struct params *p = a->params;
  const fmp_value dy = a->host->grad_dout(a->builder, 0);
  if (p->function != GRAD_SET_INPUT && p->function != GRAD_SET_VALUE)
    a->host->grad_set(a->builder, 0, dy); /* once is enough */
  call(a->host, a->builder, p, dy);
  return FMP_OK;
}

static fmp_status emit(const fmp_rewrite_args *a)
{
  const struct params *p = a->host->node_params(a->builder, 0);
  const fmp_value x = a->host->node_in(a->builder, 0, 0),
                  y = a->host->emit(a->builder, "neg", NULL, 0, &x, 1);
  if (p == NULL) return FMP_OK; /* the engine knows why */
  a->host->replace(a->builder, 0, y);
  call(a->host, a->builder, p, y);
  return FMP_OK;
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
      FMP_ATTR(struct params, function, FMP_ATTR_I64, NULL, NULL, "which function"),
      FMP_ATTR(struct params, way, FMP_ATTR_I64, NULL, NULL, "in which way")};
  const fmp_kernel_def kernel = {.struct_size = sizeof kernel,
                                 .op = name,
                                 .backend = "cpu",
                                 .name = "ref",
                                 .dtypes = FMP_BIT(FMP_F32),
                                 .run = run};
  fmp_op_def def = plain_op(name);
  def.attrs = attrs;
  def.n_attr = 2;
  def.params_size = sizeof(struct params);
  def.gradient = gradient;
  def.gradient_ops = "sum";
  FMP_TRY(h->add_op(r, &def));
  return h->add_kernel(r, &kernel);
}

static fmp_status load(const fmp_host *h, fmp_registry *r)
{
  fmp_rewrite_def rewrite = {.struct_size = sizeof rewrite,
                             .name = "hostile_before",
                             .chain = "hostile_before",
                             .phase = FMP_REWRITE_BEFORE_GRADIENTS,
                             .emit = emit};
  FMP_TRY(add_op(h, r, "hostile_gradient"));
  FMP_TRY(add_op(h, r, "hostile_before"));
  FMP_TRY(add_op(h, r, "hostile_after"));
  FMP_TRY(h->add_rewrite(r, &rewrite));
  rewrite.name = rewrite.chain = "hostile_after";
  rewrite.phase = FMP_REWRITE_AFTER_GRADIENTS;
  return h->add_rewrite(r, &rewrite);
}

FMP_PLUGIN("misplaced", "1.0", "calls the builder's functions out of place", load);
