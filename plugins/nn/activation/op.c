/* SPDX-License-Identifier: Apache-2.0
 *
 * Activations: y = f(x) for each element, and d(loss)/dx from dy and y alone, so that
 * x need not be kept and y may take its place.
 */
#include "activation.h"

#include "fmp/kit/check.h"
#include "fmp/kit/register.h"

static fmp_status check_slope(const fmp_infer_args *a, const fmp_spec *x)
{
  fmp_attr slope;
  if (!a->host->op_attr(a->op, a->params, "slope", &slope)) return FMP_OK;
  return fmp_check_holds(a->host, "slope", x->dtype, slope.value.f);
}

static fmp_status infer(const fmp_infer_args *a)
{
  const fmp_spec *const x = &a->in[0];
  FMP_TRY(fmp_check_dtype(a->host, "x", x, FMP_FLOATS, "f32, f64 or bf16"));
  a->out[0] = *x;
  return check_slope(a, x);
}

static fmp_status infer_back(const fmp_infer_args *a)
{
  const fmp_spec *const dy = &a->in[0], *const y = &a->in[1];
  FMP_TRY(fmp_check_dtype(a->host, "y", y, FMP_FLOATS, "f32, f64 or bf16"));
  FMP_TRY(fmp_check_same_spec(a->host, "y", y, "dy", dy));
  a->out[0] = *dy;
  return check_slope(a, dy);
}

/* data is the name of the op to emit, which has the same attributes. */
static fmp_status gradient(const fmp_gradient_args *a)
{
  const fmp_host *h = a->host;
  fmp_builder *b = a->builder;
  const fmp_value in[] = {h->grad_dout(b, 0), h->grad_out(b, 0)};
  fmp_attr slope;
  const uint32_t n_attr = h->op_attr(a->op, a->params, "slope", &slope) != 0;
  h->grad_set(b, 0, h->emit(b, a->data, &slope, n_attr, in, 2));
  return FMP_OK;
}

/* -- definitions ----------------------------------------------------------- */

static const fmp_attr_def leaky_relu_attrs[] = {
    FMP_ATTR(struct leaky_relu_params, slope, FMP_ATTR_F64, "0.01", "[0,inf)",
             "factor of negative x; not negative, so that y shows the sign of x"),
};

#define NO_ATTRS .n_attr = 0
#define SLOPE    FMP_PARAMS(struct leaky_relu_params, leaky_relu_attrs)

/* An op and the op that is its gradient. */
#define ACTIVATION(act, attributes, text, back_text)                                               \
  {.struct_size = sizeof(fmp_op_def),                                                              \
   .name = act,                                                                                    \
   .schema = "(x) -> (y)",                                                                         \
   .doc = text,                                                                                    \
   .version = 1,                                                                                   \
   .data = act "_back",                                                                            \
   .infer = infer,                                                                                 \
   .gradient = gradient,                                                                           \
   .gradient_ops = act "_back",                                                                    \
   attributes},                                                                                    \
  {                                                                                                \
    .struct_size = sizeof(fmp_op_def), .name = act "_back", .schema = "(dy, y) -> (dx)",           \
    .doc = "Gradient of " act ", from its output.\n" back_text, .version = 1, .infer = infer_back, \
    attributes                                                                                     \
  }

static const fmp_op_def ops[] = {
    ACTIVATION("relu", NO_ATTRS, "Rectifier: y = max(x, 0).\nx of any shape; NaN stays NaN.",
               "dx = dy where y > 0 or y is NaN, else 0."),
    ACTIVATION(
        "leaky_relu", SLOPE,
        "Leaky rectifier: y = x where x > 0, else slope * x.\n"
        "x of any shape; NaN stays NaN. Slope 0 is relu, for infinite x too.",
        "dx = dy where y > 0, else slope * dy; with slope 0 relu_back. y > 0 exactly where x > 0,\n"
        "as slope is not negative."),
    ACTIVATION("sigmoid", NO_ATTRS,
               "Logistic function: y = 1 / (1 + exp(-x)).\n"
               "x of any shape; no overflow for any x; NaN stays NaN.",
               "dx = dy * y * (1 - y)."),
    ACTIVATION("tanh", NO_ATTRS, "Hyperbolic tangent: y = tanh(x).\nx of any shape; NaN stays NaN.",
               "dx = dy * (1 - y^2)."),
};

fmp_status activation_register(const fmp_host *h, fmp_registry *r)
{
  FMP_TRY(FMP_ADD_OPS(h, r, ops));
  FMP_TRY(FMP_ADD_KERNELS(h, r, activation_ref));
#if FMP_SIMD_X86
  FMP_TRY(fmp_add_kernels(h, r, activation_simd, ACTIVATION_RECTIFIERS * fmp_simd_level()));
#endif
  return FMP_OK;
}
