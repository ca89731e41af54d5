/* SPDX-License-Identifier: Apache-2.0
 *
 * Reference kernels of sgd and sgd_all: one loop per rule and type, from a table of rules.
 */
#include "sgd.h"

#include "../all.h"

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

/* in: n groups of inputs; ends[n] is room. */
static fmp_status update(const fmp_call *call, const fmp_view *lr, const fmp_view *in, uint32_t n,
                         int64_t *ends)
{
  static const optim_loop loops[][2] = {[PLAIN] = {plain_f32, plain_f64},
                                        [MOMENTUM] = {momentum_f32, momentum_f64},
                                        [NESTEROV] = {nesterov_f32, nesterov_f64}};
  const struct sgd_params *const p = call->params;
  struct factors factors = {.momentum = p->momentum, .decay = p->weight_decay};
  struct optim_all all = {.tensors = in,
                          .group = SGD_GROUP,
                          .n = n,
                          .loop = loops[rule_of(p)][in[SGD_W].dtype == FMP_F64],
                          .rule = &factors,
                          .ends = ends};
  FMP_TRY(optim_read_lr(call->host, lr, in[SGD_W].dtype, &factors.lr));
  return optim_update(call, &all);
}

static fmp_status run(const fmp_call *call)
{
  int64_t end;
  return update(call, &call->in[SGD_LR], &call->in[SGD_W], 1, &end);
}

static uint32_t parameters(uint32_t n_in) { return (n_in - SGD_ALL_FIRST) / SGD_GROUP; }

static size_t all_scratch(const fmp_kernel_args *args, const void *state)
{
  (void)state;
  return parameters(args->n_in) * sizeof(int64_t);
}

static fmp_status all_run(const fmp_call *call)
{
  return update(call, &call->in[SGD_ALL_LR], &call->in[SGD_ALL_FIRST], parameters(call->n_in),
                call->scratch);
}

static const fmp_kernel_def kernels[] = {
    {
        .struct_size = sizeof(fmp_kernel_def),
        .op = "sgd",
        .backend = "cpu",
        .name = "ref",
        .dtypes = OPTIM_FLOATS,
        .run = run,
    },
    {
        .struct_size = sizeof(fmp_kernel_def),
        .op = "sgd_all",
        .backend = "cpu",
        .name = "ref",
        .dtypes = OPTIM_FLOATS,
        .scratch = all_scratch,
        .run = all_run,
    },
};

fmp_status sgd_register_cpu_ref(const fmp_host *h, fmp_registry *r)
{
  for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++)
    FMP_TRY(h->add_kernel(r, &kernels[i]));
  return FMP_OK;
}
