/* SPDX-License-Identifier: Apache-2.0
 *
 * adam: Adam (Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015), and
 * with decoupled weight decay AdamW, as one pass over the weights.
 * adam_all: the same for all parameters of a network at once.
 */
#include "adam.h"

#include "../scalar.h"

/* in: the inputs of one parameter. */
static fmp_status check_parameter(const fmp_host *h, const struct adam_params *p,
                                  const fmp_spec *in, uint32_t number)
{
  const fmp_spec *const w = &in[ADAM_W];
  FMP_TRY(optim_check_weights(h, w, number));
  FMP_TRY(optim_check_like(h, w, "g", &in[ADAM_G], number));
  FMP_TRY(optim_check_like(h, w, "m", &in[ADAM_M], number));
  FMP_TRY(fmp_check_holds(h, "epsilon", w->dtype, p->epsilon));
  FMP_TRY(fmp_check_holds(h, "weight_decay", w->dtype, p->weight_decay));
  return optim_check_like(h, w, "v", &in[ADAM_V], number);
}

static fmp_status check_numbers(const fmp_host *h, const fmp_spec *lr, const fmp_spec *step)
{
  FMP_TRY(optim_check_number(h, "lr", lr, OPTIM_FLOATS, "f32 or f64"));
  return optim_check_number(h, "step", step, OPTIM_NUMBERS, "i32, i64, f32 or f64");
}

static fmp_status infer(const fmp_host *h, const void *params, const fmp_spec *in, uint32_t n_in,
                        fmp_spec *out, uint32_t n_out)
{
  (void)n_in, (void)out, (void)n_out;
  FMP_TRY(check_parameter(h, params, in, 0));
  return check_numbers(h, &in[ADAM_LR], &in[ADAM_STEP]);
}

static fmp_status all_infer(const fmp_host *h, const void *params, const fmp_spec *in,
                            uint32_t n_in, fmp_spec *out, uint32_t n_out)
{
  const fmp_spec *const first = &in[ADAM_ALL_FIRST];
  (void)out, (void)n_out;
  for (uint32_t k = 0; ADAM_ALL_FIRST + k * ADAM_GROUP < n_in; k++) {
    FMP_TRY(check_parameter(h, params, &first[k * ADAM_GROUP], k + 1));
    FMP_TRY(optim_check_one_type(h, first, &first[k * ADAM_GROUP], k + 1));
  }
  return check_numbers(h, &in[ADAM_ALL_LR], &in[ADAM_ALL_STEP]);
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

static const fmp_op_def adam = {
    .struct_size = sizeof(fmp_op_def),
    .name = "adam",
    .schema = "(w!, m!, v!, g, lr, step) -> ()",
    .doc = "One step of Adam, in place.\n"
           "g' = g + weight_decay * w\n"
           "m = beta1 * m + (1 - beta1) * g'\n"
           "v = beta2 * v + (1 - beta2) * g'^2\n"
           "w = w - lr * (m / (1 - beta1^step)) / (sqrt(v / (1 - beta2^step)) + epsilon):\n"
           "as in PyTorch. w, m, v, g of one spec; m and v zeros at first.\n"
           "lr: a number (rank 0), finite and not negative. step: a number, 1 at the first step.",
    .version = 1,
    .precision = FMP_PRECISION_F32,
    .attrs = attrs,
    .n_attr = sizeof attrs / sizeof *attrs,
    .attr_size = sizeof(fmp_attr_def),
    .params_size = sizeof(struct adam_params),
    .infer = infer,
};

static const fmp_op_def adam_all = {
    .struct_size = sizeof(fmp_op_def),
    .name = "adam_all",
    .schema = "(lr, step, w!..., m!..., v!..., g...) -> ()",
    .doc = "One step of adam for many parameters at once, in place.\n"
           "Called with lr, step, w1, m1, v1, g1, w2, m2, v2, g2 and so on; the same bits as adam\n"
           "on each. Shapes may differ, types not. What is written must not overlap anything else.",
    .version = 1,
    .precision = FMP_PRECISION_F32,
    .attrs = attrs,
    .n_attr = sizeof attrs / sizeof *attrs,
    .attr_size = sizeof(fmp_attr_def),
    .params_size = sizeof(struct adam_params),
    .infer = all_infer,
};

fmp_status adam_register(const fmp_host *h, fmp_registry *r)
{
  FMP_TRY(h->add_op(r, &adam));
  FMP_TRY(h->add_op(r, &adam_all));
  return adam_register_cpu_ref(h, r);
}
