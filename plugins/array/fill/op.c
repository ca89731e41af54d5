/* SPDX-License-Identifier: Apache-2.0
 *
 * fill: a tensor of one value. fill_like: the same with another tensor's spec, so that
 * the batch stays open; the engine fills gradients with it. */
#include "fill.h"

static fmp_status fill_infer(const fmp_host *h, const void *params, const fmp_spec *in,
                             uint32_t n_in, fmp_spec *out, uint32_t n_out)
{
  const fill_params *p = params;
  (void)in, (void)n_in, (void)n_out;
  FMP_REQUIRE(h, p->shape.count <= FMP_MAX_RANK, FMP_ESHAPE,
              "expected a shape of at most %d dimensions, got %lld", (int)FMP_MAX_RANK,
              (long long)p->shape.count);
  out[0].dtype = p->dtype;
  out[0].rank = (uint32_t)p->shape.count;
  for (uint32_t i = 0; i < out[0].rank; i++) out[0].shape[i] = array_item(p->shape, i, 0);
  return FMP_OK;
}

static fmp_status like_infer(const fmp_host *h, const void *params, const fmp_spec *in,
                             uint32_t n_in, fmp_spec *out, uint32_t n_out)
{
  (void)h, (void)params, (void)n_in, (void)n_out;
  out[0] = in[0];
  return FMP_OK;
}

/* Constant: no input gets a gradient, and none is refused. */
static fmp_status no_gradient(const fmp_host *h, fmp_builder *b, const void *params)
{
  (void)h, (void)b, (void)params;
  return FMP_OK;
}

static const fmp_attr_def fill_attrs[] = {
    FMP_ATTR(fill_params, shape, FMP_ATTR_I64S, NULL, "[0,)", "y's sizes; [] for a number"),
    FMP_ATTR(fill_params, value, FMP_ATTR_F64, "0", NULL,
             "of every element; converted to dtype as cast does"),
    FMP_ATTR(fill_params, dtype, FMP_ATTR_DTYPE, "f32", NULL, "y's type"),
};

static const fmp_attr_def like_attrs[] = {
    FMP_ATTR(fill_like_params, value, FMP_ATTR_F64, "0", NULL,
             "of every element; converted to like's type as cast does"),
};

static const fmp_op_def defs[] = {
    {.struct_size = sizeof(fmp_op_def),
     .name = "fill",
     .schema = "() -> (y)",
     .doc = "A tensor of one value.\ny[i] = value.",
     .version = 1,
     .attrs = fill_attrs,
     .n_attr = 3,
     .attr_size = sizeof(fmp_attr_def),
     .params_size = sizeof(fill_params),
     .infer = fill_infer,
     .gradient = no_gradient,
     .gradient_ops = ""},
    {.struct_size = sizeof(fmp_op_def),
     .name = "fill_like",
     .schema = "(like~) -> (y)",
     .doc = "A tensor of one value, of like's shape and type.\ny[i] = value.",
     .version = 1,
     .role = FMP_ROLE_FILL,
     .attrs = like_attrs,
     .n_attr = 1,
     .attr_size = sizeof(fmp_attr_def),
     .params_size = sizeof(fill_like_params),
     .infer = like_infer,
     .gradient = no_gradient,
     .gradient_ops = ""},
};

fmp_status fill_register(const fmp_host *h, fmp_registry *r);
fmp_status fill_register(const fmp_host *h, fmp_registry *r)
{
  for (size_t i = 0; i < sizeof defs / sizeof defs[0]; i++) FMP_TRY(h->add_op(r, &defs[i]));
  return fill_add_ref(h, r);
}
