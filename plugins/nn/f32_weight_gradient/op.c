/* SPDX-License-Identifier: Apache-2.0
 *
 * A rewrite, after gradients, of what computing in bf16 makes of a convolution's filters:
 *   cast(conv2d_back_weights(x, dy, bf16 w~)) = conv2d_back_weights(x, dy, f32 w~).
 * The sums are in f32 anyway; so they reach the masters without having been rounded to
 * bf16, and nothing is copied.
 */
#include "fmp/plugin.h"

/* The chain is (conv2d_back_weights, cast). The cast of w by the cast's own attributes lends
 * its type; nobody reads it. */
static fmp_status emit(const fmp_host *h, fmp_builder *b)
{
  const fmp_value w = h->node_in(b, 0, 2);
  fmp_value in[3] = {h->node_in(b, 0, 0), h->node_in(b, 0, 1), h->emit_node(b, 1, &w, 1)};
  fmp_spec x, like;
  h->spec(b, in[0], &x);
  h->spec(b, in[2], &like);
  if (x.dtype == FMP_BF16 && like.dtype == FMP_F32) h->replace(b, 0, h->emit_node(b, 0, in, 3));
  return FMP_OK;
}

fmp_status f32_weight_gradient_register(const fmp_host *h, fmp_registry *r);

fmp_status f32_weight_gradient_register(const fmp_host *h, fmp_registry *r)
{
  const fmp_rewrite_def def = {
      .struct_size = sizeof def,
      .name = "f32_weight_gradient",
      .chain = "conv2d_back_weights cast",
      .phase = FMP_REWRITE_AFTER_GRADIENTS,
      .emit = emit,
  };
  return h->add_rewrite(r, &def);
}
