/* SPDX-License-Identifier: Apache-2.0
 *
 * A rewrite, after gradients: a leaky rectifier right behind a convolution becomes the
 * convolution's own, so that its kernel applies it as it stores. relu stays an op of its own: with
 * slope 0, fast kernels would turn NaN into 0, and relu keeps it.
 */
#include "conv.h"

static fmp_status emit(const fmp_rewrite_args *a)
{
  const fmp_host *h = a->host;
  fmp_builder *b = a->builder;
  const struct conv_params *p = h->node_params(b, 0);
  fmp_attr slope, attrs[CONV_ATTRS];
  if (p == NULL || !h->node_attr(b, 1, "slope", &slope)) return FMP_OK; /* the builder has failed */
  if (conv_has_activation(p) || slope.value.f <= 0) return FMP_OK;
  const fmp_value in[] = {h->node_in(b, 0, CONV_X), h->node_in(b, 0, CONV_W),
                          h->node_in(b, 0, CONV_BIAS)};
  struct conv_params fused = *p;
  fused.slope = slope.value.f;
  conv_attrs(&fused, attrs);
  h->replace(b, 0, h->emit(b, conv_ops[CONV_FORWARD].name, attrs, CONV_ATTRS, in, 3));
  return FMP_OK;
}

fmp_status conv2d_register_rewrites(const fmp_host *h, fmp_registry *r)
{
  static const fmp_rewrite_def def = {
      .struct_size = sizeof(fmp_rewrite_def),
      .name = "conv2d_with_leaky_relu",
      .chain = "conv2d leaky_relu",
      .phase = FMP_REWRITE_AFTER_GRADIENTS,
      .emit = emit,
  };
  return h->add_rewrite(r, &def);
}
