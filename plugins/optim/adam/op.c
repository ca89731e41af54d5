/* SPDX-License-Identifier: Apache-2.0
 *
 * Adam (Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015), and with
 * decoupled weight decay AdamW, as one pass over the weights.
 */
#include "adam.h"

#include "../scalar.h"

static fmp_status infer(const fmp_host *h, const void *params, const fmp_spec *in, uint32_t n_in,
                        fmp_spec *out, uint32_t n_out)
{
  const fmp_spec *const w = &in[ADAM_W];
  (void)params, (void)n_in, (void)out, (void)n_out;
  FMP_TRY(optim_check_weights(h, w, &in[ADAM_G]));
  FMP_TRY(fmp_check_same_spec(h, "w", w, "m", &in[ADAM_M]));
  FMP_TRY(fmp_check_same_spec(h, "w", w, "v", &in[ADAM_V]));
  FMP_TRY(optim_check_number(h, "lr", &in[ADAM_LR], OPTIM_FLOATS, "f32 or f64"));
  return optim_check_number(h, "step", &in[ADAM_STEP], OPTIM_NUMBERS, "i32, i64, f32 or f64");
}

static const fmp_attr_def attrs[] = {
    FMP_ATTR(struct adam_params, beta1, FMP_ATTR_F64, "0.9", "[0,1)",
             "how much of m, the mean of g, is kept from step to step"),
    FMP_ATTR(struct adam_params, beta2, FMP_ATTR_F64, "0.999", "[0,1)",
             "how much of v, the mean of g^2, is kept from step to step"),
    FMP_ATTR(struct adam_params, epsilon, FMP_ATTR_F64, "1e-8", "[0,)", "added to the root of v"),
    FMP_ATTR(struct adam_params, weight_decay, FMP_ATTR_F64, "0", "[0,)",
             "how much of w is added to g, or taken off w if decoupled"),
    FMP_ATTR(struct adam_params, decoupled, FMP_ATTR_BOOL, "false", NULL,
             "AdamW: w = w * (1 - lr * weight_decay) first, g as it is"),
};

static const fmp_op_def op = {
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

fmp_status adam_register(const fmp_host *h, fmp_registry *r)
{
  FMP_TRY(h->add_op(r, &op));
  return adam_register_cpu_ref(h, r);
}
