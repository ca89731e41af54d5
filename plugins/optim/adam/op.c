/* SPDX-License-Identifier: Apache-2.0
 *
 * adam: Adam (Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015), and
 * with decoupled weight decay AdamW, as one pass over the weights.
 * adam_all: the same for all parameters of a network at once.
 */
#include "adam.h"

#include "fmp/kit/register.h"

static fmp_status check_parameter(const fmp_infer_args *a, const fmp_spec *in, uint32_t number)
{
  const fmp_host *h = a->host;
  const struct adam_params *p = a->params;
  const fmp_spec *const w = &in[ADAM_W];
  FMP_TRY(optim_check_weights(h, w, number));
  FMP_TRY(optim_check_like(h, w, "g", &in[ADAM_G], number));
  FMP_TRY(optim_check_like(h, w, "m", &in[ADAM_M], number));
  FMP_TRY(fmp_check_holds(h, "epsilon", w->dtype, p->epsilon));
  FMP_TRY(fmp_check_holds(h, "weight_decay", w->dtype, p->weight_decay));
  return optim_check_like(h, w, "v", &in[ADAM_V], number);
}

static fmp_status infer(const fmp_infer_args *a)
{
  const struct optim_inputs *const inputs = a->data;
  FMP_TRY(optim_infer(a, check_parameter));
  return optim_check_number(a->host, "step", &a->in[inputs->step], OPTIM_NUMBERS,
                            "i32, i64, f32 or f64");
}

static const fmp_attr_def attrs[] = {
    FMP_ATTR(struct adam_params, beta1, FMP_ATTR_F64, "0.9", "[0,1)",
             "how much of m, the mean of g, is kept from step to step"),
    FMP_ATTR(struct adam_params, beta2, FMP_ATTR_F64, "0.999", "[0,1)",
             "how much of v, the mean of g^2, is kept from step to step"),
    FMP_ATTR(struct adam_params, epsilon, FMP_ATTR_F64, "1e-8", "[0,inf)",
             "added to the root of v"),
    FMP_ATTR(struct adam_params, weight_decay, FMP_ATTR_F64, "0", "[0,inf)",
             "how much of w is added to g, or taken off w if decoupled"),
    FMP_ATTR(struct adam_params, decoupled, FMP_ATTR_BOOL, "false", NULL,
             "AdamW: w = w * (1 - lr * weight_decay) first, g as it is"),
};

static const char doc[] =
    "One step of Adam, in place.\n"
    "g' = g + weight_decay * w\n"
    "m = beta1 * m + (1 - beta1) * g'\n"
    "v = beta2 * v + (1 - beta2) * g'^2\n"
    "w = w - lr * (m / (1 - beta1^step)) / (sqrt(v / (1 - beta2^step)) + epsilon):\n"
    "as in PyTorch. w, m, v, g of one spec; m and v are zeros at first.\n"
    "lr: a number (rank 0), finite and not negative. step: a number, 1 at the first step.";
static const char doc_all[] =
    "One step of adam for many parameters at once, in place.\n"
    "Called with lr, step, w1, m1, v1, g1, w2, m2, v2, g2 and so on; the same bits as adam\n"
    "on each. Shapes may differ, types not. What is written must not overlap anything else.";

#define COMMON                                                                     \
  .struct_size = sizeof(fmp_op_def), .version = 1, .precision = FMP_PRECISION_F32, \
  FMP_PARAMS(struct adam_params, attrs), .infer = infer

static const fmp_op_def ops[] = {
    {
        COMMON,
        .name = "adam",
        .schema = "(w!, m!, v!, g, lr, step) -> ()",
        .doc = doc,
        .data = &adam_one,
    },
    {
        COMMON,
        .name = "adam_all",
        .schema = "(lr, step, w!..., m!..., v!..., g...) -> ()",
        .doc = doc_all,
        .data = &adam_many,
    },
};

fmp_status adam_register(const fmp_host *h, fmp_registry *r)
{
  FMP_TRY(FMP_ADD_OPS(h, r, ops));
  return adam_register_cpu_ref(h, r);
}
