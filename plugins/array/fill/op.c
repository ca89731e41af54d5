/* SPDX-License-Identifier: Apache-2.0
 *
 * fill: a tensor of one value. fill_like: the same with another tensor's spec, so that
 * the batch stays open; the engine fills gradients with it. */
#include "fill.h"
#include "fmp/kit/register.h"

/* y has the shape and the type of the attributes. */
static fmp_status fill_infer(const fmp_infer_args *args)
{
  const fill_params *p = args->params;
  fmp_spec *y = args->out;
  FMP_REQUIRE(args->host, p->shape.count <= FMP_MAX_RANK, FMP_ESHAPE,
              "expected a shape of at most %d dimensions, got %lld", (int)FMP_MAX_RANK,
              (long long)p->shape.count);
  y->dtype = p->dtype;
  y->rank = (uint32_t)p->shape.count;
  for (uint32_t i = 0; i < y->rank; i++) y->shape[i] = array_item(p->shape, i, 0);
  return FMP_OK;
}

/* y is like `like`, whose data nobody reads. */
static fmp_status like_infer(const fmp_infer_args *args)
{
  *args->out = *args->in;
  return FMP_OK;
}

/* Constant: no input gets a gradient, and asking for one is no error. */
static fmp_status no_gradient(const fmp_gradient_args *args)
{
  (void)args;
  return FMP_OK;
}

static const fmp_attr_def fill_attrs[] = {
    FMP_ATTR(fill_params, shape, FMP_ATTR_I64S, NULL, "[0,)", "y's sizes; [] for a number"),
    FMP_ATTR(fill_params, value, FMP_ATTR_F64, "0", NULL,
             "every element's value, converted to dtype as by cast"),
    FMP_ATTR(fill_params, dtype, FMP_ATTR_DTYPE, "f32", NULL, "y's type"),
};

static const fmp_attr_def like_attrs[] = {
    FMP_ATTR(fill_like_params, value, FMP_ATTR_F64, "0", NULL,
             "every element's value, converted to like's type as by cast"),
};

static const fmp_op_def defs[] = {
    {.struct_size = sizeof(fmp_op_def),
     .name = "fill",
     .schema = "() -> (y)",
     .doc = "A tensor of one value.\ny[i] = value.",
     .version = 1,
     FMP_PARAMS(fill_params, fill_attrs),
     .infer = fill_infer,
     .gradient = no_gradient,
     .gradient_ops = ""},
    {.struct_size = sizeof(fmp_op_def),
     .name = "fill_like",
     .schema = "(like~) -> (y)",
     .doc = "A tensor of one value, of like's shape and type.\ny[i] = value.",
     .version = 1,
     .role = FMP_ROLE_FILL,
     FMP_PARAMS(fill_like_params, like_attrs),
     .infer = like_infer,
     .gradient = no_gradient,
     .gradient_ops = ""},
};

fmp_status fill_register(const fmp_host *h, fmp_registry *r);
fmp_status fill_register(const fmp_host *h, fmp_registry *r)
{
  FMP_TRY(FMP_ADD_OPS(h, r, defs));
  return fill_add_ref(h, r);
}
