/* SPDX-License-Identifier: Apache-2.0
 *
 * sgd: stochastic gradient descent, with momentum, Nesterov's momentum and weight decay,
 * as one pass over the weights.
 * sgd_all: the same for all parameters of a network at once.
 */
#include "sgd.h"

#include "../scalar.h"

/* m is there exactly if there is momentum. */
static fmp_status check_momentum(const fmp_host *h, const struct sgd_params *p, const fmp_spec *in,
                                 uint32_t number)
{
  char text[FMP_SPEC_TEXT], name[OPTIM_NAME];
  const fmp_spec *const m = &in[SGD_M];
  optim_name("m", number, name);
  FMP_REQUIRE(h, p->momentum > 0 || !p->nesterov, FMP_EINVAL,
              "expected momentum above 0 with nesterov, got %g", p->momentum);
  if (fmp_spec_present(m)) {
    FMP_REQUIRE(h, p->momentum > 0, FMP_EINVAL, "expected no %s with momentum 0, got %s", name,
                h->spec_text(m, text));
    return optim_check_like(h, &in[SGD_W], "m", m, number);
  }
  FMP_REQUIRE(h, p->momentum <= 0, FMP_EINVAL, "expected %s %s with momentum %g, got none", name,
              h->spec_text(&in[SGD_W], text), p->momentum);
  return FMP_OK;
}

/* in: the inputs of one parameter. */
static fmp_status check_parameter(const fmp_host *h, const struct sgd_params *p, const fmp_spec *in,
                                  uint32_t number)
{
  FMP_TRY(optim_check_weights(h, &in[SGD_W], number));
  FMP_TRY(optim_check_like(h, &in[SGD_W], "g", &in[SGD_G], number));
  FMP_TRY(fmp_check_holds(h, "momentum", in[SGD_W].dtype, p->momentum));
  FMP_TRY(fmp_check_holds(h, "weight_decay", in[SGD_W].dtype, p->weight_decay));
  return check_momentum(h, p, in, number);
}

static fmp_status check_rate(const fmp_host *h, const fmp_spec *lr)
{
  return optim_check_number(h, "lr", lr, OPTIM_FLOATS, "f32 or f64");
}

static fmp_status infer(const fmp_host *h, const void *params, const fmp_spec *in, uint32_t n_in,
                        fmp_spec *out, uint32_t n_out)
{
  (void)n_in, (void)out, (void)n_out;
  FMP_TRY(check_parameter(h, params, in, 0));
  return check_rate(h, &in[SGD_LR]);
}

static fmp_status all_infer(const fmp_host *h, const void *params, const fmp_spec *in,
                            uint32_t n_in, fmp_spec *out, uint32_t n_out)
{
  const fmp_spec *const first = &in[SGD_ALL_FIRST];
  (void)out, (void)n_out;
  for (uint32_t k = 0; SGD_ALL_FIRST + k * SGD_GROUP < n_in; k++) {
    FMP_TRY(check_parameter(h, params, &first[k * SGD_GROUP], k + 1));
    FMP_TRY(optim_check_one_type(h, first, &first[k * SGD_GROUP], k + 1));
  }
  return check_rate(h, &in[SGD_ALL_LR]);
}

static const fmp_attr_def attrs[] = {
    FMP_ATTR(struct sgd_params, momentum, FMP_ATTR_F64, "0", "[0,1)",
             "how much of m is kept from step to step"),
    FMP_ATTR(struct sgd_params, nesterov, FMP_ATTR_BOOL, "false", NULL,
             "look ahead: step along g + momentum * m"),
    FMP_ATTR(struct sgd_params, weight_decay, FMP_ATTR_F64, "0", "[0,inf)",
             "how much of w is added to g"),
};

static const fmp_op_def sgd = {
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

static const fmp_op_def sgd_all = {
    .struct_size = sizeof(fmp_op_def),
    .name = "sgd_all",
    .schema = "(lr, w!..., m?!..., g...) -> ()",
    .doc = "One step of sgd for many parameters at once, in place.\n"
           "Called with lr, w1, m1, g1, w2, m2, g2 and so on; the same bits as sgd on each.\n"
           "Shapes may differ, types not. What is written must not overlap anything else.",
    .version = 1,
    .precision = FMP_PRECISION_F32,
    .attrs = attrs,
    .n_attr = sizeof attrs / sizeof *attrs,
    .attr_size = sizeof(fmp_attr_def),
    .params_size = sizeof(struct sgd_params),
    .infer = all_infer,
};

fmp_status sgd_register(const fmp_host *h, fmp_registry *r)
{
  FMP_TRY(h->add_op(r, &sgd));
  FMP_TRY(h->add_op(r, &sgd_all));
  return sgd_register_cpu_ref(h, r);
}
