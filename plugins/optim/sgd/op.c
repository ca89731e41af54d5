/* SPDX-License-Identifier: Apache-2.0
 *
 * Stochastic gradient descent, with momentum, Nesterov's momentum and weight decay, as
 * one pass over the weights.
 */
#include "sgd.h"

#include "../scalar.h"

/* m is there exactly if there is momentum. */
static fmp_status check_momentum(const fmp_host *h, const struct sgd_params *p, const fmp_spec *in)
{
  char text[FMP_SPEC_TEXT];
  const fmp_spec *const m = &in[SGD_M];
  FMP_REQUIRE(h, p->momentum > 0 || !p->nesterov, FMP_EINVAL,
              "expected momentum above 0 with nesterov, got %g", p->momentum);
  if (fmp_spec_present(m)) {
    FMP_REQUIRE(h, p->momentum > 0, FMP_EINVAL, "expected no m with momentum 0, got %s",
                h->spec_text(m, text));
    return fmp_check_same_spec(h, "w", &in[SGD_W], "m", m);
  }
  FMP_REQUIRE(h, p->momentum <= 0, FMP_EINVAL, "expected m %s with momentum %g, got none",
              h->spec_text(&in[SGD_W], text), p->momentum);
  return FMP_OK;
}

static fmp_status infer(const fmp_host *h, const void *params, const fmp_spec *in, uint32_t n_in,
                        fmp_spec *out, uint32_t n_out)
{
  (void)n_in, (void)out, (void)n_out;
  FMP_TRY(optim_check_weights(h, &in[SGD_W], &in[SGD_G]));
  FMP_TRY(check_momentum(h, params, in));
  return optim_check_number(h, "lr", &in[SGD_LR], OPTIM_FLOATS, "f32 or f64");
}

static const fmp_attr_def attrs[] = {
    FMP_ATTR(struct sgd_params, momentum, FMP_ATTR_F64, "0", "[0,1)",
             "how much of m is kept from step to step"),
    FMP_ATTR(struct sgd_params, nesterov, FMP_ATTR_BOOL, "false", NULL,
             "look ahead: step along g + momentum * m"),
    FMP_ATTR(struct sgd_params, weight_decay, FMP_ATTR_F64, "0", "[0,)",
             "how much of w is added to g"),
};

static const fmp_op_def op = {
    .struct_size = sizeof(fmp_op_def),
    .name = "sgd",
    .schema = "(w!, m!?, g, lr) -> ()",
    .doc =
        "One step of stochastic gradient descent, in place.\n"
        "g' = g + weight_decay * w\n"
        "m = momentum * m + g'\n"
        "w = w - lr * m, or lr * (g' + momentum * m) with nesterov, or lr * g' with momentum 0:\n"
        "as in PyTorch. w, m, g of one spec; m, zeros at first, is given exactly if momentum > 0.\n"
        "lr: a number (rank 0), finite and not negative.",
    .version = 1,
    .precision = FMP_PRECISION_F32,
    .attrs = attrs,
    .n_attr = sizeof attrs / sizeof *attrs,
    .attr_size = sizeof(fmp_attr_def),
    .params_size = sizeof(struct sgd_params),
    .infer = infer,
};

fmp_status sgd_register(const fmp_host *h, fmp_registry *r)
{
  FMP_TRY(h->add_op(r, &op));
  return sgd_register_cpu_ref(h, r);
}
