/* SPDX-License-Identifier: Apache-2.0
 *
 * Reference kernels of adam: one loop per type. What is equal for all weights, the bias
 * corrections among it, is computed once in doubles, then rounded to the weights' type.
 */
#include "adam.h"

#include "../scalar.h"

#include <tgmath.h> /* sqrt in the type of its argument */

struct job {
  void *w, *m, *v;
  const void *g;
  double rate;  /* lr / (1 - beta1^step) */
  double root;  /* sqrt(1 - beta2^step) */
  double keep;  /* factor of w: 1 but for decoupled decay */
  double decay; /* of w in g; 0 if decoupled */
  double beta1, beta2, epsilon;
};

#define LOOP(name, T)                                                            \
  static fmp_status name(void *arg, int64_t begin, int64_t end)                  \
  {                                                                              \
    const struct job *const job = arg;                                           \
    const T rate = (T)job->rate, root = (T)job->root, epsilon = (T)job->epsilon; \
    const T keep = (T)job->keep, decay = (T)job->decay;                          \
    const T beta2 = (T)job->beta2;                                               \
    const T new1 = (T)(1 - job->beta1), new2 = (T)(1 - job->beta2);              \
    T *const ws = job->w, *const ms = job->m, *const vs = job->v;                \
    const T *const gs = job->g;                                                  \
    for (int64_t i = begin; i < end; i++) {                                      \
      const T w = ws[i], g = gs[i] + decay * w;                                  \
      const T m = ms[i] + new1 * (g - ms[i]);                                    \
      const T v = beta2 * vs[i] + new2 * g * g;                                  \
      ms[i] = m;                                                                 \
      vs[i] = v;                                                                 \
      ws[i] = keep * w - rate * (m / (sqrt(v) / root + epsilon));                \
    }                                                                            \
    return FMP_OK;                                                               \
  }

LOOP(adam_f32, float)
LOOP(adam_f64, double)

static void set_factors(struct job *job, const struct adam_params *p, double lr, double step)
{
  job->rate = lr / (1 - pow(p->beta1, step));
  job->root = sqrt(1 - pow(p->beta2, step));
  job->keep = p->decoupled ? 1 - lr * p->weight_decay : 1;
  job->decay = p->decoupled ? 0 : p->weight_decay;
  job->beta1 = p->beta1;
  job->beta2 = p->beta2;
  job->epsilon = p->epsilon;
}

static fmp_status run(const fmp_call *call)
{
  const fmp_view *const w = &call->in[ADAM_W];
  const double step = optim_number(&call->in[ADAM_STEP]);
  double lr;
  struct job job = {.w = w->data,
                    .m = call->in[ADAM_M].data,
                    .v = call->in[ADAM_V].data,
                    .g = call->in[ADAM_G].data};
  FMP_TRY(optim_read_lr(call->host, &call->in[ADAM_LR], &lr));
  FMP_REQUIRE(call->host, step >= 1, FMP_EDATA, "expected step of 1 or more, got %g", step);
  set_factors(&job, call->params, lr, step);
  return call->host->parallel_for(call, fmp_view_size(w), OPTIM_GRAIN,
                                  w->dtype == FMP_F64 ? adam_f64 : adam_f32, &job);
}

static const fmp_kernel_def kernel = {
    .struct_size = sizeof(fmp_kernel_def),
    .op = "adam",
    .backend = "cpu",
    .name = "ref",
    .dtypes = OPTIM_NUMBERS, /* step may be whole; infer says what each input is */
    .run = run,
};

fmp_status adam_register_cpu_ref(const fmp_host *h, fmp_registry *r)
{
  return h->add_kernel(r, &kernel);
}
