/* SPDX-License-Identifier: Apache-2.0
 *
 * Rewrites, ahead of gradients: a pooling by maxima of an activation that never falls is
 * the activation of the pooling,
 *   pool(act(x)) = act(pool(x)),
 * bit for bit, since max only picks an element. The activation then computes on fewer
 * elements, and neither its input nor its output before the pooling is kept for the
 * backward pass. Which of several equal elements is picked may change where the activation
 * makes equal what was not (relu: all that is negative, by rounding: neighbours); there
 * argmax and gradients name another of them. No activation here gives -0, which would be
 * equal to +0 and not the same; but what rounding to bf16 makes of a denormal may have
 * either sign.
 *
 * Only activations that are monotonic in floating point as well stand in the table: those
 * that pass x on, give 0 or multiply it by a finite number above 0. exp and tanh come from
 * libraries that may err by a last bit either way.
 */
#include "fmp/plugin.h"

/* The chain is (activation, pooling): pooling (x, ...) -> (y, argmax?), whose further
 * inputs stay. */
static fmp_status emit(const fmp_host *h, fmp_builder *b, uint32_t n_in)
{
  fmp_value in[3] = {h->node_in(b, 0, 0), 0, 0};
  for (uint32_t i = 1; i < n_in; i++) in[i] = h->node_in(b, 1, i);
  const fmp_value pooled = h->emit_node(b, 1, in, n_in);
  h->replace(b, 0, h->emit_node(b, 0, &pooled, 1));
  h->replace(b, 1, h->output(b, pooled, 1));
  return FMP_OK;
}

/* (x) */
static fmp_status emit_max_pool(const fmp_host *h, fmp_builder *b) { return emit(h, b, 1); }

/* (x, rows, cols) */
static fmp_status emit_fractional(const fmp_host *h, fmp_builder *b) { return emit(h, b, 3); }

#define ROW(act, pooling, function)                                                        \
  {                                                                                        \
    .struct_size = sizeof(fmp_rewrite_def), .name = #pooling "_before_" #act,              \
    .chain = #act " " #pooling, .phase = FMP_REWRITE_BEFORE_GRADIENTS, .emit = (function), \
  }

static const fmp_rewrite_def rewrites[] = {
    ROW(relu, max_pool, emit_max_pool),
    ROW(leaky_relu, max_pool, emit_max_pool),
    ROW(relu, fractional_max_pool, emit_fractional),
    ROW(leaky_relu, fractional_max_pool, emit_fractional),
};

fmp_status pool_before_activation_register(const fmp_host *h, fmp_registry *r);

fmp_status pool_before_activation_register(const fmp_host *h, fmp_registry *r)
{
  for (uint32_t i = 0; i < sizeof rewrites / sizeof *rewrites; i++)
    FMP_TRY(h->add_rewrite(r, &rewrites[i]));
  return FMP_OK;
}
