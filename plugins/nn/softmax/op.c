/* SPDX-License-Identifier: Apache-2.0
 *
 * softmax and log_softmax along one dimension. Gradients come from dy and y alone.
 */
#include "softmax.h"

#include "fmp/kit/attr.h"
#include "fmp/kit/check.h"

static fmp_status check_axis(const fmp_host *h, int64_t axis, const fmp_spec *x)
{
  char text[FMP_SPEC_TEXT];
  FMP_REQUIRE(h, x->rank > 0, FMP_ESHAPE, "expected x of rank 1 or more, got %s",
              h->spec_text(x, text));
  FMP_REQUIRE(h, softmax_dimension(axis, x->rank) >= 0, FMP_EINVAL,
              "expected axis 1 to %u or -%u to -1 for %s, got %lld", x->rank, x->rank,
              h->spec_text(x, text), (long long)axis);
  return FMP_OK;
}

static fmp_status infer_forward(const fmp_host *h, const void *params, const fmp_spec *in,
                                uint32_t n_in, fmp_spec *out, uint32_t n_out)
{
  const struct softmax_params *p = params;
  (void)n_in, (void)n_out;
  FMP_TRY(fmp_check_dtype(h, "x", &in[0], FMP_FLOATS, "f32, f64 or bf16"));
  FMP_TRY(check_axis(h, p->axis, &in[0]));
  out[0] = in[0];
  return FMP_OK;
}

static fmp_status infer_back(const fmp_host *h, const void *params, const fmp_spec *in,
                             uint32_t n_in, fmp_spec *out, uint32_t n_out)
{
  FMP_TRY(infer_forward(h, params, &in[1], n_in - 1, out, n_out));
  return fmp_check_same_spec(h, "y", &in[1], "dy", &in[0]);
}

/* -- gradients ------------------------------------------------------------- */

static fmp_status emit_back(const fmp_host *h, fmp_builder *b, const char *back,
                            const struct softmax_params *p)
{
  const fmp_attr axis = fmp_attr_i64("axis", p->axis);
  const fmp_value in[] = {h->grad_dout(b, 0), h->grad_out(b, 0)};
  h->grad_set(b, 0, h->emit(b, back, &axis, 1, in, 2));
  return FMP_OK;
}

static fmp_status softmax_gradient(const fmp_host *h, fmp_builder *b, const void *params)
{
  return emit_back(h, b, "softmax_back", params);
}

static fmp_status log_softmax_gradient(const fmp_host *h, fmp_builder *b, const void *params)
{
  return emit_back(h, b, "log_softmax_back", params);
}

/* -- definitions ----------------------------------------------------------- */

static const fmp_attr_def attrs[] = {
    FMP_ATTR(struct softmax_params, axis, FMP_ATTR_I64, "-1", "[-8,8]",
             "dimension that is normalised: 1 the first, -1 the last"),
};

#define COMMON                                                                                     \
  .struct_size = sizeof(fmp_op_def), .version = 1, .precision = FMP_PRECISION_F32, .attrs = attrs, \
  .n_attr = 1, .attr_size = sizeof(fmp_attr_def), .params_size = sizeof(struct softmax_params)

static const fmp_op_def ops[] = {
    {COMMON, .name = "softmax", .schema = "(x) -> (y)", .infer = infer_forward,
     .gradient = softmax_gradient, .gradient_ops = "softmax_back",
     .doc = "Probabilities: y = exp(x) / sum(exp(x)) along one dimension.\n"
            "x of rank 1 or more. The maximum is taken off first: no overflow.\n"
            "-inf gives 0; a row with NaN or +inf, or of nothing but -inf, gives NaN throughout."},
    {COMMON, .name = "softmax_back", .schema = "(dy, y) -> (dx)", .infer = infer_back,
     .doc = "Gradient of softmax, from its output.\ndx = y * (dy - sum(dy * y))."},
    {COMMON, .name = "log_softmax", .schema = "(x) -> (y)", .infer = infer_forward,
     .gradient = log_softmax_gradient, .gradient_ops = "log_softmax_back",
     .doc = "Logarithm of softmax: y = x - log(sum(exp(x))) along one dimension.\n"
            "x of rank 1 or more. Exact where softmax would vanish.\n"
            "-inf gives -inf; a row with NaN or +inf, or of nothing but -inf, gives NaN "
            "throughout."},
    {COMMON, .name = "log_softmax_back", .schema = "(dy, y) -> (dx)", .infer = infer_back,
     .doc = "Gradient of log_softmax, from its output.\ndx = dy - exp(y) * sum(dy)."},
};

fmp_status softmax_register(const fmp_host *h, fmp_registry *r)
{
  for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) FMP_TRY(h->add_op(r, &ops[i]));
  return softmax_register_cpu_ref(h, r);
}
