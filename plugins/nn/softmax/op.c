/* SPDX-License-Identifier: Apache-2.0
 *
 * softmax and log_softmax along one dimension. Gradients come from dy and y alone.
 */
#include "softmax.h"

#include "fmp/kit/attr.h"
#include "fmp/kit/check.h"
#include "fmp/kit/register.h"

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

static fmp_status check(const fmp_infer_args *a, const fmp_spec *x)
{
  const struct softmax_params *p = a->params;
  FMP_TRY(fmp_check_dtype(a->host, "x", x, FMP_FLOATS, "f32, f64 or bf16"));
  a->out[0] = *x;
  return check_axis(a->host, p->axis, x);
}

static fmp_status infer_forward(const fmp_infer_args *a) { return check(a, &a->in[0]); }

static fmp_status infer_back(const fmp_infer_args *a)
{
  FMP_TRY(check(a, &a->in[1]));
  return fmp_check_same_spec(a->host, "y", &a->in[1], "dy", &a->in[0]);
}

/* data is the name of the op to emit. */
static fmp_status gradient(const fmp_gradient_args *a)
{
  const fmp_host *h = a->host;
  const struct softmax_params *p = a->params;
  const fmp_attr axis = fmp_attr_i64("axis", p->axis);
  const fmp_value in[] = {h->grad_dout(a->builder, 0), h->grad_out(a->builder, 0)};
  h->grad_set(a->builder, 0, h->emit(a->builder, a->data, &axis, 1, in, 2));
  return FMP_OK;
}

/* -- definitions ----------------------------------------------------------- */

static const fmp_attr_def attrs[] = {
    FMP_ATTR(struct softmax_params, axis, FMP_ATTR_I64, "-1", "[-8,8]",
             "dimension that is normalised: 1 the first, -1 the last"),
};

#define COMMON                                                                     \
  .struct_size = sizeof(fmp_op_def), .version = 1, .precision = FMP_PRECISION_F32, \
  FMP_PARAMS(struct softmax_params, attrs)

static const fmp_op_def ops[] = {
    {COMMON, .name = "softmax", .schema = "(x) -> (y)", .infer = infer_forward,
     .data = "softmax_back", .gradient = gradient, .gradient_ops = "softmax_back",
     .doc = "Probabilities: y = exp(x) / sum(exp(x)) along one dimension.\n"
            "x of rank 1 or more. The maximum is taken off first: no overflow.\n"
            "-inf gives 0; a row with NaN or +inf, or of nothing but -inf, gives NaN throughout."},
    {COMMON, .name = "softmax_back", .schema = "(dy, y) -> (dx)", .infer = infer_back,
     .doc = "Gradient of softmax, from its output.\ndx = y * (dy - sum(dy * y))."},
    {COMMON, .name = "log_softmax", .schema = "(x) -> (y)", .infer = infer_forward,
     .data = "log_softmax_back", .gradient = gradient, .gradient_ops = "log_softmax_back",
     .doc = "Logarithm of softmax: y = x - log(sum(exp(x))) along one dimension.\n"
            "x of rank 1 or more. Exact where softmax would vanish.\n"
            "-inf gives -inf; a row with NaN or +inf, or of nothing but -inf, gives NaN "
            "throughout."},
    {COMMON, .name = "log_softmax_back", .schema = "(dy, y) -> (dx)", .infer = infer_back,
     .doc = "Gradient of log_softmax, from its output.\ndx = dy - exp(y) * sum(dy)."},
};

fmp_status softmax_register(const fmp_host *h, fmp_registry *r)
{
  FMP_TRY(FMP_ADD_OPS(h, r, ops));
  return softmax_register_cpu_ref(h, r);
}
