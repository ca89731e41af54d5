/* SPDX-License-Identifier: Apache-2.0
 *
 * Losses that are a function of one prediction and one target, for each element: mse and
 * sigmoid_cross_entropy. Gradients flow to both inputs.
 */
#include "pointwise_loss.h"

#include "../loss.h"
#include "fmp/kit/register.h"

/* An op's data: the names of prediction and target, and of the op that is the gradient. */
struct loss {
  const char *x, *z, *back;
};

/* Prediction and target do not broadcast: a target [n] against predictions [n,1] would silently
 * be n * n losses. */
static fmp_status infer(const fmp_infer_args *a)
{
  const struct loss *const loss = a->data;
  FMP_TRY(fmp_check_dtype(a->host, loss->x, &a->in[0], FMP_FLOATS, "f32, f64 or bf16"));
  FMP_TRY(fmp_check_same_spec(a->host, loss->x, &a->in[0], loss->z, &a->in[1]));
  a->out[0] = loss_spec(a->params, &a->in[0]);
  return FMP_OK;
}

static fmp_status infer_back(const fmp_infer_args *a)
{
  FMP_TRY(infer(a));
  a->out[0] = a->out[1] = a->in[0];
  return loss_check_dloss(a, &a->in[0], &a->in[2]);
}

/* One op gives both gradients; the one that nobody reads is not computed. */
static fmp_status gradient(const fmp_gradient_args *a)
{
  const struct loss *const loss = a->data;
  const fmp_value dx = loss_emit_back(a, loss->back);
  a->host->grad_set(a->builder, 0, dx);
  if (a->host->grad_wants(a->builder, 1))
    a->host->grad_set(a->builder, 1, a->host->output(a->builder, dx, 1));
  return FMP_OK;
}

/* -- definitions ----------------------------------------------------------- */

#define COMMON                                                                     \
  .struct_size = sizeof(fmp_op_def), .version = 1, .precision = FMP_PRECISION_F32, \
  FMP_PARAMS(struct loss_params, loss_attrs)

/* A loss and the op that is its gradient. */
#define LOSS(op, in, target, text, back_text)                                                    \
  {COMMON,                                                                                       \
   .name = op,                                                                                   \
   .schema = "(" in ", " target ") -> (loss)",                                                   \
   .doc = text,                                                                                  \
   .data = &(const struct loss){.x = in, .z = target, .back = op "_back"},                       \
   .infer = infer,                                                                               \
   .gradient = gradient,                                                                         \
   .gradient_ops = op "_back"},                                                                  \
  {                                                                                              \
    COMMON,                                                                                      \
        .name = op "_back", .schema = "(" in ", " target ", dloss) -> (d" in "?, d" target "?)", \
        .doc = "Gradients of " op ", divided by the number of elements for a mean.\n" back_text, \
        .data = &(const struct loss){.x = in, .z = target}, .infer = infer_back                  \
  }

static const fmp_op_def ops[] = {
    LOSS(
        "mse", "x", "target",
        "Squared error: loss = (x - target)^2.\n"
        "x and target of one spec.\n"
        "loss: a number, the mean or sum over all elements, or x's shape with reduction none. The\n"
        "number is f32 for bf16.",
        "dx = 2 * (x - target) * dloss, dtarget = -dx."),
    LOSS(
        "sigmoid_cross_entropy", "logits", "targets",
        "Cross entropy of sigmoid(logits) against targets, each element a yes or no.\n"
        "loss = max(x, 0) - x * z + log(1 + exp(-|x|)) for logits x and targets z from 0 to 1,\n"
        "of one spec; it never overflows, but an infinite logit gives NaN or inf.\n"
        "loss: a number, the mean or sum over all elements, or logits' shape with reduction none.\n"
        "The number is f32 for bf16.",
        "dlogits = (sigmoid(logits) - targets) * dloss, dtargets = -logits * dloss."),
};

fmp_status pointwise_loss_register(const fmp_host *h, fmp_registry *r)
{
  FMP_TRY(FMP_ADD_OPS(h, r, ops));
  return pointwise_loss_register_cpu_ref(h, r);
}
