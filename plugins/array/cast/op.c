/* SPDX-License-Identifier: Apache-2.0
 *
 * cast: the same numbers in another data type. The engine's way to mixed precision: it
 * takes the role. */
#include "cast.h"
#include "fmp/kit/attr.h"

enum { ALL_FLOATS = FMP_FLOATS | FMP_BIT(FMP_F16) };

static int is_float(uint32_t dtype) { return (ALL_FLOATS & FMP_BIT(dtype)) != 0; }

static fmp_status infer(const fmp_host *h, const void *params, const fmp_spec *in, uint32_t n_in,
                        fmp_spec *out, uint32_t n_out)
{
  (void)h, (void)n_in, (void)n_out;
  out[0] = in[0];
  out[0].dtype = ((const cast_params *)params)->dtype;
  return FMP_OK;
}

/* dx = dy in x's type. Between a float and an integer nothing is differentiable, and
 * x gets no gradient. */
static fmp_status gradient(const fmp_host *h, fmp_builder *b, const void *params)
{
  const uint32_t dtype = ((const cast_params *)params)->dtype;
  const fmp_value dy = h->grad_dout(b, 0);
  fmp_spec x;
  if (!h->grad_wants(b, 0)) return FMP_OK;
  h->spec(b, h->grad_in(b, 0), &x);
  if (is_float(x.dtype) && is_float(dtype)) {
    const fmp_attr attrs[] = {fmp_attr_dtype("dtype", x.dtype)};
    h->grad_set(b, 0, h->emit(b, "cast", attrs, 1, &dy, 1));
  }
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
    .attrs = attrs,
    .n_attr = 1,
    .attr_size = sizeof(fmp_attr_def),
    .params_size = sizeof(cast_params),
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
