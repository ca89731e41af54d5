/* SPDX-License-Identifier: Apache-2.0
 *
 * A rewrite, ahead of gradients: leaky_relu of a fractional_max_pool becomes the pooling's
 * own slope, bit for bit, so that the maxima are not read and written once more, forward or
 * backward. Where the activation came first, pool_before_activation has exchanged the two.
 */
#include "../fractional_max_pool/windows.h"

/* The chain is (fractional_max_pool, leaky_relu). A slope of 0 is relu, which multiplies
 * nothing; a slope of 1 still turns -0 into +0, which the pooling without a slope does not. */
static fmp_status emit(const fmp_rewrite_args *args)
{
  const fmp_host *h = args->host;
  fmp_builder *b = args->builder;
  const struct pool_params *p = h->node_params(b, 0);
  const fmp_value in[] = {h->node_in(b, 0, 0), h->node_in(b, 0, 1), h->node_in(b, 0, 2)};
  fmp_attr slope;
  if (p->slope != 1 || !h->node_attr(b, 1, "slope", &slope) || slope.kind != FMP_ATTR_F64)
    return FMP_OK;
  if (slope.value.f <= 0 || slope.value.f == 1) return FMP_OK;
  const fmp_attr attrs[] = {
      fmp_attr_string("window", p->window),
      fmp_attr_list("pool", FMP_ATTR_I64S, p->pool),
      fmp_attr_bool("overlapping", p->overlapping),
      slope,
  };
  h->replace(b, 0, h->emit(b, "fractional_max_pool", attrs, 4, in, 3));
  return FMP_OK;
}

static const fmp_rewrite_def rewrite = {
    .struct_size = sizeof(rewrite),
    .name = "fractional_max_pool_with_leaky_relu",
    .chain = "fractional_max_pool leaky_relu",
    .phase = FMP_REWRITE_BEFORE_GRADIENTS,
    .emit = emit,
};

fmp_status pool_with_activation_register(const fmp_host *h, fmp_registry *r);

fmp_status pool_with_activation_register(const fmp_host *h, fmp_registry *r)
{
  return h->add_rewrite(r, &rewrite);
}
