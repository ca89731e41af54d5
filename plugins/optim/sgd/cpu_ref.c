/* SPDX-License-Identifier: Apache-2.0
 *
 * Reference kernels of sgd and sgd_all: one loop per rule and type, from a table of rules.
 */
#include "sgd.h"

#include "../all.h"
#include "fmp/kit/register.h"

struct factors {
  double lr, momentum, decay;
};

/* A rule gives the direction of the step from the decayed gradient d. LOOP leaves m
 * alone; LOOP_M first makes `v`, the new m. Scalars are rounded to the weights' type. Without
 * decay nothing is added to g: 0 times an infinite weight would be NaN. */
#define LOOP(name, T, rule)                                                        \
  static void name(const void *of, const fmp_view *in, int64_t begin, int64_t end) \
  {                                                                                \
    const struct factors *const f = of;                                            \
    const T lr = (T)f->lr, decay = (T)f->decay;                                    \
    const int decays = f->decay > 0;                                               \
    T *const w = in[SGD_W].data;                                                   \
    const T *const g = in[SGD_G].data;                                             \
    for (int64_t i = begin; i < end; i++) {                                        \
      const T d = decays ? g[i] + decay * w[i] : g[i];                             \
      w[i] -= lr * (rule);                                                         \
    }                                                                              \
  }

#define LOOP_M(name, T, rule)                                                      \
  static void name(const void *of, const fmp_view *in, int64_t begin, int64_t end) \
  {                                                                                \
    const struct factors *const f = of;                                            \
    const T lr = (T)f->lr, momentum = (T)f->momentum, decay = (T)f->decay;         \
    const int decays = f->decay > 0;                                               \
    T *const w = in[SGD_W].data, *const m = in[SGD_M].data;                        \
    const T *const g = in[SGD_G].data;                                             \
    for (int64_t i = begin; i < end; i++) {                                        \
      const T d = decays ? g[i] + decay * w[i] : g[i];                             \
      const T v = momentum * m[i] + d;                                             \
      m[i] = v;                                                                    \
      w[i] -= lr * (rule);                                                         \
    }                                                                              \
  }

LOOP(plain_f32, float, d)
LOOP(plain_f64, double, d)
LOOP_M(momentum_f32, float, v)
LOOP_M(momentum_f64, double, v)
LOOP_M(nesterov_f32, float, d + momentum * (v))
LOOP_M(nesterov_f64, double, d + momentum * (v))

enum rule { PLAIN, MOMENTUM, NESTEROV };

static enum rule rule_of(const struct sgd_params *p)
{
  if (p->nesterov) return NESTEROV;
  return p->momentum > 0 ? MOMENTUM : PLAIN;
}

static fmp_status run(const fmp_call *call)
{
  static const optim_loop loops[][2] = {[PLAIN] = {plain_f32, plain_f64},
                                        [MOMENTUM] = {momentum_f32, momentum_f64},
                                        [NESTEROV] = {nesterov_f32, nesterov_f64}};
  const struct optim_inputs *const inputs = call->data;
  const struct sgd_params *const p = call->params;
  const int is_f64 = call->in[inputs->first].dtype == FMP_F64;
  struct factors factors = {.momentum = p->momentum, .decay = p->weight_decay};
  FMP_TRY(optim_read_lr(call, &factors.lr));
  return optim_update(call, loops[rule_of(p)][is_f64], &factors);
}

static const fmp_kernel_def kernels[] = {
    {
        .struct_size = sizeof(fmp_kernel_def),
        .op = "sgd",
        .backend = "cpu",
        .name = "ref",
        .dtypes = OPTIM_FLOATS,
        .data = &sgd_one,
        .run = run,
    },
    {
        .struct_size = sizeof(fmp_kernel_def),
        .op = "sgd_all",
        .backend = "cpu",
        .name = "ref",
        .dtypes = OPTIM_FLOATS,
        .data = &sgd_many,
        .run = run,
    },
};

fmp_status sgd_register_cpu_ref(const fmp_host *h, fmp_registry *r)
{
  return FMP_ADD_KERNELS(h, r, kernels);
}
