/* SPDX-License-Identifier: Apache-2.0
 *
 * sgd: stochastic gradient descent, with momentum, Nesterov's momentum and weight decay,
 * as one pass over the weights.
 * sgd_all: the same for all parameters of a network at once.
 */
#include "sgd.h"

#include "fmp/kit/register.h"

/* m must be there if, and only if, there is momentum. */
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

static fmp_status check_parameter(const fmp_infer_args *a, const fmp_spec *in, uint32_t number)
{
  const fmp_host *h = a->host;
  const struct sgd_params *p = a->params;
  const fmp_spec *const w = &in[SGD_W];
  FMP_TRY(optim_check_weights(h, w, number));
  FMP_TRY(optim_check_like(h, w, "g", &in[SGD_G], number));
  FMP_TRY(fmp_check_holds(h, "momentum", w->dtype, p->momentum));
  FMP_TRY(fmp_check_holds(h, "weight_decay", w->dtype, p->weight_decay));
  return check_momentum(h, p, in, number);
}

static fmp_status infer(const fmp_infer_args *a) { return optim_infer(a, check_parameter); }

static const fmp_attr_def attrs[] = {
    FMP_ATTR(struct sgd_params, momentum, FMP_ATTR_F64, "0", "[0,1)",
             "how much of m is kept from step to step"),
    FMP_ATTR(struct sgd_params, nesterov, FMP_ATTR_BOOL, "false", NULL,
             "look ahead: step along g + momentum * m"),
    FMP_ATTR(struct sgd_params, weight_decay, FMP_ATTR_F64, "0", "[0,inf)",
             "how much of w is added to g"),
};

static const char doc[] =
    "One step of stochastic gradient descent, in place.\n"
    "g' = g + weight_decay * w\n"
    "m = momentum * m + g'\n"
    "w = w - lr * m, or lr * (g' + momentum * m) with nesterov, or lr * g' with momentum 0:\n"
    "as in PyTorch. w, m, g of one spec; m, at first zeros, must be given if momentum > 0 and\n"
    "absent otherwise.\n"
    "lr: a number (rank 0), finite and not negative.";
static const char doc_all[] =
    "One step of sgd for many parameters at once, in place.\n"
    "Called with lr, w1, m1, g1, w2, m2, g2 and so on; the same bits as sgd on each.\n"
    "Shapes may differ, types not. What is written must not overlap anything else.";

#define COMMON                                                                     \
  .struct_size = sizeof(fmp_op_def), .version = 1, .precision = FMP_PRECISION_F32, \
  FMP_PARAMS(struct sgd_params, attrs), .infer = infer

static const fmp_op_def ops[] = {
    {
        COMMON,
        .name = "sgd",
        .schema = "(w!, m!?, g, lr) -> ()",
        .doc = doc,
        .data = &sgd_one,
    },
    {
        COMMON,
        .name = "sgd_all",
        .schema = "(lr, w!..., m?!..., g...) -> ()",
        .doc = doc_all,
        .data = &sgd_many,
    },
};

fmp_status sgd_register(const fmp_host *h, fmp_registry *r)
{
  FMP_TRY(FMP_ADD_OPS(h, r, ops));
  return sgd_register_cpu_ref(h, r);
}
