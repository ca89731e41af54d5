/* SPDX-License-Identifier: Apache-2.0
 *
 * cast: the same numbers in another data type. It has the role by which the engine casts
 * for mixed precision. */
#include "cast.h"
#include "fmp/kit/attr.h"

static fmp_status infer(const fmp_infer_args *args)
{
  const cast_params *p = args->params;
  *args->out = *args->in;
  args->out->dtype = p->dtype;
  return FMP_OK;
}

/* dx = dy in x's type. Both are floats: an integer has no gradient, as x or as y. */
static fmp_status gradient(const fmp_gradient_args *args)
{
  const fmp_host *h = args->host;
  const fmp_value dy = h->grad_dout(args->builder, 0);
  fmp_spec x;
  h->spec(args->builder, h->grad_in(args->builder, 0), &x);
  const fmp_attr attrs[] = {fmp_attr_dtype("dtype", x.dtype)};
  h->grad_set(args->builder, 0, h->emit(args->builder, "cast", attrs, 1, &dy, 1));
  return FMP_OK;
}

static const fmp_attr_def attrs[] = {
    FMP_ATTR(cast_params, dtype, FMP_ATTR_DTYPE, NULL, NULL, "y's type"),
};

static const fmp_op_def def = {
    .struct_size = sizeof(fmp_op_def),
    .name = "cast",
    .schema = "(x) -> (y)",
    .doc = "The same numbers in another data type.\n"
           "To a float: rounded once, to nearest, ties to even; too large becomes infinity.\n"
           "To an integer: truncated towards zero and saturated; NaN becomes 0.",
    .version = 1,
    .role = FMP_ROLE_CAST,
    FMP_PARAMS(cast_params, attrs),
    .infer = infer,
    .gradient = gradient,
    .gradient_ops = "cast",
};

fmp_status cast_register(const fmp_host *h, fmp_registry *r);
fmp_status cast_register(const fmp_host *h, fmp_registry *r)
{
  FMP_TRY(h->add_op(r, &def));
  FMP_TRY(cast_add_ref(h, r));
  return cast_add_simd(h, r);
}
