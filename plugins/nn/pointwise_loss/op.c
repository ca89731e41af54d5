/* SPDX-License-Identifier: Apache-2.0
 *
 * Losses that are a function of one prediction and one target, for each element: mse and
 * sigmoid_cross_entropy. Gradients flow to both inputs.
 */
#include "pointwise_loss.h"

#include "../loss.h"

/* `x`, `z`: the names of prediction and target. They do not broadcast: a target [n]
 * against predictions [n,1] would silently be n * n losses. */
static fmp_status infer(const fmp_host *h, const void *params, const fmp_spec *in, const char *x,
                        const char *z, fmp_spec *loss)
{
  FMP_TRY(fmp_check_dtype(h, x, &in[0], FMP_FLOATS, "f32, f64 or bf16"));
  FMP_TRY(fmp_check_same_spec(h, x, &in[0], z, &in[1]));
  *loss = loss_spec(params, &in[0]);
  return FMP_OK;
}

static fmp_status infer_back(const fmp_host *h, const void *params, const fmp_spec *in,
                             const char *x, const char *z, fmp_spec *out)
{
  fmp_spec loss;
  FMP_TRY(infer(h, params, in, x, z, &loss));
  FMP_TRY(loss_check_dloss(h, params, &in[0], &in[2]));
  out[0] = out[1] = in[0];
  return FMP_OK;
}

/* One op gives both gradients; the one that nobody reads is not computed. */
static fmp_status gradient(const fmp_host *h, fmp_builder *b, const void *params, const char *back)
{
  const fmp_value dx = loss_emit_back(h, b, back, params);
  if (h->grad_wants(b, 0)) h->grad_set(b, 0, dx);
  if (h->grad_wants(b, 1)) h->grad_set(b, 1, h->output(b, dx, 1));
  return FMP_OK;
}

#define FUNCTIONS(op, x, z)                                                                    \
  static fmp_status op##_infer(const fmp_host *h, const void *params, const fmp_spec *in,      \
                               uint32_t n_in, fmp_spec *out, uint32_t n_out)                   \
  {                                                                                            \
    (void)n_in, (void)n_out;                                                                   \
    return infer(h, params, in, x, z, out);                                                    \
  }                                                                                            \
  static fmp_status op##_infer_back(const fmp_host *h, const void *params, const fmp_spec *in, \
                                    uint32_t n_in, fmp_spec *out, uint32_t n_out)              \
  {                                                                                            \
    (void)n_in, (void)n_out;                                                                   \
    return infer_back(h, params, in, x, z, out);                                               \
  }                                                                                            \
  static fmp_status op##_gradient(const fmp_host *h, fmp_builder *b, const void *params)       \
  {                                                                                            \
    return gradient(h, b, params, #op "_back");                                                \
  }

FUNCTIONS(mse, "x", "target")
FUNCTIONS(sigmoid_cross_entropy, "logits", "targets")

/* -- definitions ----------------------------------------------------------- */

#define COMMON                                                                     \
  .struct_size = sizeof(fmp_op_def), .version = 1, .precision = FMP_PRECISION_F32, \
  .attrs = loss_attrs, .n_attr = 1, .attr_size = sizeof(fmp_attr_def),             \
  .params_size = sizeof(struct loss_params)

/* A loss and the op that is its gradient. */
#define LOSS(op, x, z, text, back_text)                                                           \
  {COMMON,                                                                                        \
   .name = #op,                                                                                   \
   .schema = "(" x ", " z ") -> (loss)",                                                          \
   .doc = text,                                                                                   \
   .infer = op##_infer,                                                                           \
   .gradient = op##_gradient,                                                                     \
   .gradient_ops = #op "_back"},                                                                  \
  {                                                                                               \
    COMMON,                                                                                       \
        .name = #op "_back", .schema = "(" x ", " z ", dloss) -> (d" x "?, d" z "?)",             \
        .doc = "Gradients of " #op ", divided by the number of elements for a mean.\n" back_text, \
        .infer = op##_infer_back                                                                  \
  }

static const fmp_op_def ops[] = {
    LOSS(
        mse, "x", "target",
        "Squared error: loss = (x - target)^2.\n"
        "x and target of one spec.\n"
        "loss: a number, the mean or sum over all elements, or x's shape with reduction none. The\n"
        "number is f32 for bf16.",
        "dx = 2 * (x - target) * dloss, dtarget = -dx."),
    LOSS(
        sigmoid_cross_entropy, "logits", "targets",
        "Cross entropy of sigmoid(logits) against targets, each element a yes or no.\n"
        "loss = max(x, 0) - x * z + log(1 + exp(-|x|)) for logits x and targets z from 0 to 1,\n"
        "of one spec; it never overflows, but an infinite logit gives NaN or inf.\n"
        "loss: a number, the mean or sum over all elements, or logits' shape with reduction none.\n"
        "The number is f32 for bf16.",
        "dlogits = (sigmoid(logits) - targets) * dloss, dtargets = -logits * dloss."),
};

fmp_status pointwise_loss_register(const fmp_host *h, fmp_registry *r)
{
  for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) FMP_TRY(h->add_op(r, &ops[i]));
  return pointwise_loss_register_cpu_ref(h, r);
}
