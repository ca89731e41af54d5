/* SPDX-License-Identifier: Apache-2.0
 *
 * Reference kernels of the activations: one loop per op and type, made from a table of
 * expressions. Each element is read before it is written and depends on no other, so
 * the output may share memory with any input.
 */
#include "activation.h"

#include "fmp/kit/check.h"

#include <tgmath.h> /* exp and tanh in the type of their argument */

enum { GRAIN = 16384 }; /* elements for which a thread is worth waking */

struct loop {
  const void *a, *b; /* x; or dy and y */
  void *out;
  double slope;
};

static fmp_status run(const fmp_call *call, fmp_range_fn f32, fmp_range_fn f64, double slope)
{
  struct loop loop = {call->in[0].data, call->n_in > 1 ? call->in[1].data : NULL, call->out[0].data,
                      slope};
  return call->host->parallel_for(call, fmp_view_size(&call->out[0]), GRAIN,
                                  call->in[0].dtype == FMP_F64 ? f64 : f32, &loop);
}

/* out[i] = expression of x, or of dy and y, and of slope */
#define FORWARD_LOOP(op, suffix, T, expression)                          \
  static fmp_status op##_##suffix(void *arg, int64_t begin, int64_t end) \
  {                                                                      \
    const struct loop *const loop = arg;                                 \
    const T *const xs = loop->a;                                         \
    T *const out = loop->out;                                            \
    const T slope = (T)loop->slope;                                      \
    (void)slope;                                                         \
    for (int64_t i = begin; i < end; i++) {                              \
      const T x = xs[i];                                                 \
      out[i] = (expression);                                             \
    }                                                                    \
    return FMP_OK;                                                       \
  }

#define BACK_LOOP(op, suffix, T, expression)                             \
  static fmp_status op##_##suffix(void *arg, int64_t begin, int64_t end) \
  {                                                                      \
    const struct loop *const loop = arg;                                 \
    const T *const dys = loop->a, *const ys = loop->b;                   \
    T *const out = loop->out;                                            \
    const T slope = (T)loop->slope;                                      \
    (void)slope;                                                         \
    for (int64_t i = begin; i < end; i++) {                              \
      const T dy = dys[i], y = ys[i];                                    \
      out[i] = (expression);                                             \
    }                                                                    \
    return FMP_OK;                                                       \
  }

#define KERNEL(op, LOOP, slope, expression) \
  LOOP(op, f32, float, expression)          \
  LOOP(op, f64, double, expression)         \
  static fmp_status op##_run(const fmp_call *call) { return run(call, op##_f32, op##_f64, slope); }

#define SLOPE_OF_CALL ((const struct leaky_relu_params *)call->params)->slope

/* Comparisons are turned so that NaN takes the side that keeps it. The leaky ones are
 * sums of two halves, one of them zero: what a choice between x and slope * x would give,
 * which gcc does not vectorise. */
KERNEL(relu, FORWARD_LOOP, 0, x < 0 ? 0 : x)
KERNEL(relu_back, BACK_LOOP, 0, y <= 0 ? 0 : dy)
KERNEL(leaky_relu, FORWARD_LOOP, SLOPE_OF_CALL, (x < 0 ? 0 : x) + slope * (x > 0 ? 0 : x))
KERNEL(leaky_relu_back, BACK_LOOP, SLOPE_OF_CALL, (y > 0 ? dy : 0) + slope * (y > 0 ? 0 : dy))
KERNEL(sigmoid, FORWARD_LOOP, 0, (x < 0 ? exp(x) : 1) / (1 + exp(-fabs(x))))
KERNEL(sigmoid_back, BACK_LOOP, 0, (1 - y) * y * dy)
KERNEL(tanh, FORWARD_LOOP, 0, tanh(x))
KERNEL(tanh_back, BACK_LOOP, 0, (1 - y) * (1 + y) * dy)

/* -- registration ---------------------------------------------------------- */

static const fmp_inplace inplace[] = {{0, 0}, {1, 0}};

#define ROW(act, pairs)                                                                      \
  {                                                                                          \
    .struct_size = sizeof(fmp_kernel_def), .op = #act, .backend = "cpu", .name = "ref",      \
    .dtypes = FMP_BIT(FMP_F32) | FMP_BIT(FMP_F64), .n_inplace = (pairs), .inplace = inplace, \
    .run = act##_run                                                                         \
  }

static const fmp_kernel_def kernels[] = {
    ROW(relu, 1),    ROW(relu_back, 2),    ROW(leaky_relu, 1), ROW(leaky_relu_back, 2),
    ROW(sigmoid, 1), ROW(sigmoid_back, 2), ROW(tanh, 1),       ROW(tanh_back, 2),
};

fmp_status activation_register_cpu_ref(const fmp_host *h, fmp_registry *r)
{
  for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++)
    FMP_TRY(h->add_kernel(r, &kernels[i]));
  return FMP_OK;
}
