/* SPDX-License-Identifier: Apache-2.0
 *
 * Activations: y = f(x) for each element, and d(loss)/dx from dy and y alone, so that
 * x need not be kept and y may take its place.
 */
#include "activation.h"

#include "fmp/kit/attr.h"
#include "fmp/kit/check.h"

static fmp_status infer_plain(const fmp_host *h, const void *params, const fmp_spec *in,
                              uint32_t n_in, fmp_spec *out, uint32_t n_out)
{
  (void)params, (void)n_in, (void)n_out;
  FMP_TRY(fmp_check_dtype(h, "x", &in[0], FMP_FLOATS, "f32, f64 or bf16"));
  out[0] = in[0];
  return FMP_OK;
}

static fmp_status infer_plain_back(const fmp_host *h, const void *params, const fmp_spec *in,
                                   uint32_t n_in, fmp_spec *out, uint32_t n_out)
{
  (void)params, (void)n_in, (void)n_out;
  FMP_TRY(fmp_check_dtype(h, "y", &in[1], FMP_FLOATS, "f32, f64 or bf16"));
  FMP_TRY(fmp_check_same_spec(h, "y", &in[1], "dy", &in[0]));
  out[0] = in[0];
  return FMP_OK;
}

static fmp_status check_slope(const fmp_host *h, const void *params, const fmp_spec *x)
{
  return fmp_check_holds(h, "slope", x->dtype, ((const struct leaky_relu_params *)params)->slope);
}

static fmp_status infer_leaky(const fmp_host *h, const void *params, const fmp_spec *in,
                              uint32_t n_in, fmp_spec *out, uint32_t n_out)
{
  FMP_TRY(infer_plain(h, params, in, n_in, out, n_out));
  return check_slope(h, params, &in[0]);
}

static fmp_status infer_leaky_back(const fmp_host *h, const void *params, const fmp_spec *in,
                                   uint32_t n_in, fmp_spec *out, uint32_t n_out)
{
  FMP_TRY(infer_plain_back(h, params, in, n_in, out, n_out));
  return check_slope(h, params, &in[0]);
}

/* -- gradients ------------------------------------------------------------- */

static fmp_status emit_back(const fmp_host *h, fmp_builder *b, const char *back,
                            const fmp_attr *attrs, uint32_t n_attr)
{
  const fmp_value in[] = {h->grad_dout(b, 0), h->grad_out(b, 0)};
  h->grad_set(b, 0, h->emit(b, back, attrs, n_attr, in, 2));
  return FMP_OK;
}

#define GRADIENT(op)                                                                     \
  static fmp_status op##_gradient(const fmp_host *h, fmp_builder *b, const void *params) \
  {                                                                                      \
    (void)params;                                                                        \
    return emit_back(h, b, #op "_back", NULL, 0);                                        \
  }

GRADIENT(relu)
GRADIENT(sigmoid)
GRADIENT(tanh)

static fmp_status leaky_relu_gradient(const fmp_host *h, fmp_builder *b, const void *params)
{
  const struct leaky_relu_params *p = params;
  const fmp_attr slope = fmp_attr_f64("slope", p->slope);
  return emit_back(h, b, "leaky_relu_back", &slope, 1);
}

/* -- definitions ----------------------------------------------------------- */

static const fmp_attr_def leaky_relu_attrs[] = {
    FMP_ATTR(struct leaky_relu_params, slope, FMP_ATTR_F64, "0.01", "[0,inf)",
             "factor of negative x; not negative, since y must tell the sign of x"),
};

#define NO_ATTRS .n_attr = 0
#define SLOPE                                                                \
  .attrs = leaky_relu_attrs, .n_attr = 1, .attr_size = sizeof(fmp_attr_def), \
  .params_size = sizeof(struct leaky_relu_params)

/* An op and the op that is its gradient; check and check_back are their infer. */
#define ACTIVATION(op, check, attributes, text, back_text)                               \
  {.struct_size = sizeof(fmp_op_def),                                                    \
   .name = #op,                                                                          \
   .schema = "(x) -> (y)",                                                               \
   .doc = text,                                                                          \
   .version = 1,                                                                         \
   .infer = check,                                                                       \
   .gradient = op##_gradient,                                                            \
   .gradient_ops = #op "_back",                                                          \
   attributes},                                                                          \
  {                                                                                      \
    .struct_size = sizeof(fmp_op_def), .name = #op "_back", .schema = "(dy, y) -> (dx)", \
    .doc = "Gradient of " #op ", from its output.\n" back_text, .version = 1,            \
    .infer = check##_back, attributes                                                    \
  }

static const fmp_op_def ops[] = {
    ACTIVATION(relu, infer_plain, NO_ATTRS,
               "Rectifier: y = max(x, 0).\nx of any shape; NaN stays NaN.",
               "dx = dy where y > 0 or y is NaN, else 0."),
    ACTIVATION(
        leaky_relu, infer_leaky, SLOPE,
        "Leaky rectifier: y = x where x > 0, else slope * x.\n"
        "x of any shape; NaN stays NaN. Slope 0 is relu, for infinite x too.",
        "dx = dy where y > 0, else slope * dy; with slope 0 relu_back. y > 0 exactly where x > 0:\n"
        "slope is not negative."),
    ACTIVATION(sigmoid, infer_plain, NO_ATTRS,
               "Logistic function: y = 1 / (1 + exp(-x)).\n"
               "x of any shape; no overflow for any x; NaN stays NaN.",
               "dx = dy * y * (1 - y)."),
    ACTIVATION(tanh, infer_plain, NO_ATTRS,
               "Hyperbolic tangent: y = tanh(x).\nx of any shape; NaN stays NaN.",
               "dx = dy * (1 - y^2)."),
};

fmp_status activation_register(const fmp_host *h, fmp_registry *r)
{
  for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) FMP_TRY(h->add_op(r, &ops[i]));
  FMP_TRY(activation_register_cpu_ref(h, r));
  return activation_register_cpu_simd(h, r);
}
