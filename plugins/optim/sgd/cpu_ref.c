/* SPDX-License-Identifier: Apache-2.0
 *
 * Reference kernels of sgd: one loop per rule and type, from a table of rules.
 */
#include "sgd.h"

#include "../scalar.h"

struct job {
  void *w, *m;
  const void *g;
  double lr, momentum, decay;
};

/* A rule gives the direction of the step from the decayed gradient d. LOOP leaves m
 * alone; LOOP_M first makes `v`, the new m. Scalars are rounded to the weights' type. */
#define LOOP(name, T, rule)                                     \
  static fmp_status name(void *arg, int64_t begin, int64_t end) \
  {                                                             \
    const struct job *const job = arg;                          \
    const T lr = (T)job->lr, decay = (T)job->decay;             \
    T *const w = job->w;                                        \
    const T *const g = job->g;                                  \
    for (int64_t i = begin; i < end; i++) {                     \
      const T d = g[i] + decay * w[i];                          \
      w[i] -= lr * (rule);                                      \
    }                                                           \
    return FMP_OK;                                              \
  }

#define LOOP_M(name, T, rule)                                                    \
  static fmp_status name(void *arg, int64_t begin, int64_t end)                  \
  {                                                                              \
    const struct job *const job = arg;                                           \
    const T lr = (T)job->lr, momentum = (T)job->momentum, decay = (T)job->decay; \
    T *const w = job->w, *const m = job->m;                                      \
    const T *const g = job->g;                                                   \
    for (int64_t i = begin; i < end; i++) {                                      \
      const T d = g[i] + decay * w[i];                                           \
      const T v = momentum * m[i] + d;                                           \
      m[i] = v;                                                                  \
      w[i] -= lr * (rule);                                                       \
    }                                                                            \
    return FMP_OK;                                                               \
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
  static const fmp_range_fn loops[][2] = {[PLAIN] = {plain_f32, plain_f64},
                                          [MOMENTUM] = {momentum_f32, momentum_f64},
                                          [NESTEROV] = {nesterov_f32, nesterov_f64}};
  const struct sgd_params *const p = call->params;
  const fmp_view *const w = &call->in[SGD_W];
  struct job job = {.w = w->data,
                    .m = call->in[SGD_M].data,
                    .g = call->in[SGD_G].data,
                    .momentum = p->momentum,
                    .decay = p->weight_decay};
  FMP_TRY(optim_read_lr(call->host, &call->in[SGD_LR], &job.lr));
  return call->host->parallel_for(call, fmp_view_size(w), OPTIM_GRAIN,
                                  loops[rule_of(p)][w->dtype == FMP_F64], &job);
}

static const fmp_kernel_def kernel = {
    .struct_size = sizeof(fmp_kernel_def),
    .op = "sgd",
    .backend = "cpu",
    .name = "ref",
    .dtypes = OPTIM_FLOATS,
    .run = run,
};

fmp_status sgd_register_cpu_ref(const fmp_host *h, fmp_registry *r)
{
  return h->add_kernel(r, &kernel);
}
