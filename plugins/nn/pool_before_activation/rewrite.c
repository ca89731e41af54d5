/* SPDX-License-Identifier: Apache-2.0
 *
 * Rewrites, ahead of gradients: max pooling of a non-decreasing activation is the activation of
 * the pooling,
 *   pool(act(x)) = act(pool(x)),
 * bit for bit, since max only picks an element. The activation then computes on fewer elements,
 * and neither its input nor its output before the pooling is kept for the backward pass. Where the
 * activation makes unequal elements equal (relu: all negative ones; rounding: neighbours), another
 * of them may be picked, which argmax and gradients then name. No activation here returns -0,
 * which is equal to +0 but not the same; only a denormal that is rounded to bf16 may give a zero
 * of either sign.
 *
 * The table has only activations that are monotonic in floating point too: those that return x, 0,
 * or x times a finite positive number. exp and tanh come from libraries, whose last bit may be off
 * either way.
 */
#include "fmp/kit/register.h"

/* The chain is (activation, pooling): pooling (x, ...) -> (y, argmax?), whose other inputs stay.
 * data: how many inputs it has. */
static fmp_status emit(const fmp_rewrite_args *a)
{
  const fmp_host *h = a->host;
  fmp_builder *b = a->builder;
  const uint32_t n_in = *(const uint32_t *)a->data;
  fmp_value in[3] = {h->node_in(b, 0, 0)};
  for (uint32_t i = 1; i < n_in; i++) in[i] = h->node_in(b, 1, i);
  const fmp_value pooled = h->emit_node(b, 1, in, n_in);
  h->replace(b, 0, h->emit_node(b, 0, &pooled, 1));
  h->replace(b, 1, h->output(b, pooled, 1));
  return FMP_OK;
}

static const uint32_t max_pool_inputs = 1;            /* (x) */
static const uint32_t fractional_max_pool_inputs = 3; /* (x, rows, cols) */

#define ROW(act, pooling)                                                                         \
  {                                                                                               \
    .struct_size = sizeof(fmp_rewrite_def), .name = #pooling "_before_" #act,                     \
    .chain = #act " " #pooling, .phase = FMP_REWRITE_BEFORE_GRADIENTS, .data = &pooling##_inputs, \
    .emit = emit,                                                                                 \
  }

static const fmp_rewrite_def rewrites[] = {
    ROW(relu, max_pool),
    ROW(leaky_relu, max_pool),
    ROW(relu, fractional_max_pool),
    ROW(leaky_relu, fractional_max_pool),
};

fmp_status pool_before_activation_register(const fmp_host *h, fmp_registry *r);

fmp_status pool_before_activation_register(const fmp_host *h, fmp_registry *r)
{
  return FMP_ADD_REWRITES(h, r, rewrites);
}
