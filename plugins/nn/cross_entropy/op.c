/* SPDX-License-Identifier: Apache-2.0
 *
 * Cross entropy of softmax(logits) against labels. The last dimension holds the classes;
 * each index of the others is a row, with one loss.
 */
#include "cross_entropy.h"

#include "../loss.h"
#include "fmp/kit/register.h"

/* The spec of the individual losses: that of logits without the last dimension. */
static fmp_spec each_loss(const fmp_spec *logits)
{
  fmp_spec each = *logits;
  each.rank--;
  each.shape[each.rank] = 0;
  return each;
}

static fmp_status check_logits(const fmp_host *h, const fmp_spec *logits)
{
  char text[FMP_SPEC_TEXT];
  FMP_TRY(fmp_check_dtype(h, "logits", logits, FMP_FLOATS, "f32, f64 or bf16"));
  FMP_REQUIRE(h, logits->rank >= 2 && logits->shape[logits->rank - 1] >= 1, FMP_ESHAPE,
              "expected logits [n,classes] with 1 class or more, got %s",
              h->spec_text(logits, text));
  return FMP_OK;
}

static fmp_status check_labels(const fmp_host *h, const fmp_spec *logits, const fmp_spec *labels)
{
  char classes_text[FMP_SPEC_TEXT], logits_text[FMP_SPEC_TEXT], text[FMP_SPEC_TEXT];
  fmp_spec classes = each_loss(logits);
  const int known = cross_entropy_classes(labels->dtype) || labels->dtype == logits->dtype;
  classes.dtype = FMP_I64;
  if (known && fmp_same_shape(labels, cross_entropy_classes(labels->dtype) ? &classes : logits))
    return FMP_OK;
  return h->fail(known ? FMP_ESHAPE : FMP_EDTYPE,
                 "expected labels %s (or i32), or probabilities %s, got %s",
                 h->spec_text(&classes, classes_text), h->spec_text(logits, logits_text),
                 h->spec_text(labels, text));
}

static fmp_status infer_forward(const fmp_infer_args *a)
{
  FMP_TRY(check_logits(a->host, &a->in[0]));
  FMP_TRY(check_labels(a->host, &a->in[0], &a->in[1]));
  const fmp_spec each = each_loss(&a->in[0]);
  a->out[0] = loss_spec(a->params, &each);
  return FMP_OK;
}

static fmp_status infer_back(const fmp_infer_args *a)
{
  FMP_TRY(infer_forward(a));
  const fmp_spec each = each_loss(&a->in[0]);
  a->out[0] = a->in[0];
  return loss_check_dloss(a, &each, &a->in[2]);
}

static fmp_status gradient(const fmp_gradient_args *a)
{
  const fmp_host *h = a->host;
  FMP_REQUIRE(h, !h->grad_wants(a->builder, 1), FMP_ENOGRAD, "no gradient with respect to labels");
  h->grad_set(a->builder, 0, loss_emit_back(a, "cross_entropy_back"));
  return FMP_OK;
}

/* -- definitions ----------------------------------------------------------- */

#define COMMON                                                                     \
  .struct_size = sizeof(fmp_op_def), .version = 1, .precision = FMP_PRECISION_F32, \
  FMP_PARAMS(struct loss_params, loss_attrs)

static const fmp_op_def ops[] = {
    {COMMON, .name = "cross_entropy", .schema = "(logits, labels) -> (loss)",
     .infer = infer_forward, .gradient = gradient, .gradient_ops = "cross_entropy_back",
     .doc = "Cross entropy of softmax(logits) against labels.\n"
            "logits [n,c], or more dimensions before the last. labels: either\n"
            "  classes 0 to c - 1, i32 or i64 [n]: loss = log(sum(exp(logits))) - logits[label];\n"
            "  or probabilities p of logits' spec: loss = -sum(p * log_softmax(logits)), where\n"
            "  p = 0 adds 0 and rows need not sum to 1.\n"
            "loss: a number, the mean or sum over rows, f32 for bf16, or [n] with reduction none.\n"
            "No overflow; NaN or +inf among a row's logits gives NaN. A class out of range is an\n"
            "error when the op runs. No gradient with respect to labels."},
    {COMMON, .name = "cross_entropy_back", .schema = "(logits, labels, dloss) -> (dlogits)",
     .infer = infer_back,
     .doc = "Gradient of cross_entropy with respect to logits.\n"
            "dlogits = (softmax(logits) * sum(p) - p) * dloss, divided by the number of rows\n"
            "for a mean. For classes, p is 1 at a row's label and 0 elsewhere."},
};

fmp_status cross_entropy_register(const fmp_host *h, fmp_registry *r)
{
  FMP_TRY(FMP_ADD_OPS(h, r, ops));
  return cross_entropy_register_cpu_ref(h, r);
}
