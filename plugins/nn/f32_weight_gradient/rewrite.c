/* SPDX-License-Identifier: Apache-2.0
 *
 * A rewrite, after gradients, for a convolution that computes in bf16 with f32 master copies of
 * its filters:
 *   cast(conv2d_back_weights(x, dy, bf16 w~)) = conv2d_back_weights(x, dy, f32 w~).
 * The sums are in f32 anyway, so they reach the master copies without being rounded to bf16, and
 * nothing is copied.
 */
#include "fmp/plugin.h"

/* The chain is (conv2d_back_weights, cast). w, cast as the chain's cast would cast it, only lends
 * its type; nobody reads its data. */
static fmp_status emit(const fmp_rewrite_args *a)
{
  const fmp_host *h = a->host;
  fmp_builder *b = a->builder;
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
  static const fmp_rewrite_def def = {
      .struct_size = sizeof(fmp_rewrite_def),
      .name = "f32_weight_gradient",
      .chain = "conv2d_back_weights cast",
      .phase = FMP_REWRITE_AFTER_GRADIENTS,
      .emit = emit,
  };
  return h->add_rewrite(r, &def);
}
