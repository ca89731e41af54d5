/* SPDX-License-Identifier: Apache-2.0
 *
 * Reference kernels of adam and adam_all: one loop per type. What is the same for all weights,
 * such as the bias corrections, is computed once in doubles, then rounded to the weights' type.
 */
#include "adam.h"

#include "../all.h"
#include "fmp/kit/register.h"

#include <tgmath.h> /* sqrt in the type of its argument */

struct factors {
  double rate;  /* lr / (1 - beta1^step) */
  double root;  /* sqrt(1 - beta2^step) */
  double keep;  /* factor of w; 1 unless decay is decoupled */
  double decay; /* of w in g; 0 if decoupled, and then nothing is added: 0 * inf is NaN */
  double beta1, beta2, epsilon;
};

#define LOOP(name, T)                                                              \
  static void name(const void *of, const fmp_view *in, int64_t begin, int64_t end) \
  {                                                                                \
    const struct factors *const f = of;                                            \
    const T rate = (T)f->rate, root = (T)f->root, epsilon = (T)f->epsilon;         \
    const T keep = (T)f->keep, decay = (T)f->decay;                                \
    const int decays = f->decay > 0;                                               \
    const T beta2 = (T)f->beta2;                                                   \
    const T new1 = (T)(1 - f->beta1), new2 = (T)(1 - f->beta2);                    \
    T *const ws = in[ADAM_W].data, *const ms = in[ADAM_M].data;                    \
    T *const vs = in[ADAM_V].data;                                                 \
    const T *const gs = in[ADAM_G].data;                                           \
    for (int64_t i = begin; i < end; i++) {                                        \
      const T w = ws[i], g = decays ? gs[i] + decay * w : gs[i];                   \
      const T m = ms[i] + new1 * (g - ms[i]);                                      \
      const T v = beta2 * vs[i] + new2 * g * g;                                    \
      ms[i] = m;                                                                   \
      vs[i] = v;                                                                   \
      ws[i] = keep * w - rate * (m / (sqrt(v) / root + epsilon));                  \
    }                                                                              \
  }

LOOP(adam_f32, float)
LOOP(adam_f64, double)

static void set_factors(struct factors *f, const struct adam_params *p, double lr, double step)
{
  f->rate = lr / (1 - pow(p->beta1, step));
  f->root = sqrt(1 - pow(p->beta2, step));
  f->keep = p->decoupled ? 1 - lr * p->weight_decay : 1;
  f->decay = p->decoupled ? 0 : p->weight_decay;
  f->beta1 = p->beta1;
  f->beta2 = p->beta2;
  f->epsilon = p->epsilon;
}

static fmp_status run(const fmp_call *call)
{
  const struct optim_inputs *const inputs = call->data;
  const uint32_t dtype = call->in[inputs->first].dtype;
  const double step = optim_number(&call->in[inputs->step]);
  double lr;
  struct factors factors;
  FMP_TRY(optim_read_lr(call, &lr));
  FMP_REQUIRE(call->host, step >= 1, FMP_EDATA, "expected step of 1 or more, got %g", step);
  set_factors(&factors, call->params, lr, step);
  return optim_update(call, dtype == FMP_F64 ? adam_f64 : adam_f32, &factors);
}

/* Steps may be whole numbers; infer says what each input is. */
static const fmp_kernel_def kernels[] = {
    {
        .struct_size = sizeof(fmp_kernel_def),
        .op = "adam",
        .backend = "cpu",
        .name = "ref",
        .dtypes = OPTIM_NUMBERS,
        .data = &adam_one,
        .run = run,
    },
    {
        .struct_size = sizeof(fmp_kernel_def),
        .op = "adam_all",
        .backend = "cpu",
        .name = "ref",
        .dtypes = OPTIM_NUMBERS,
        .data = &adam_many,
        .run = run,
    },
};

fmp_status adam_register_cpu_ref(const fmp_host *h, fmp_registry *r)
{
  return FMP_ADD_KERNELS(h, r, kernels);
}
