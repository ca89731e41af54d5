/* SPDX-License-Identifier: Apache-2.0
 *
 * The activations as a table, which cpu_ref.c and cpu_simd.c expand with loops of their
 * own: FORWARD(op, at_zero, slope, y of x), BACK(op, at_zero, slope, dx of dy and y);
 * at_zero is the op whose loop serves a slope of 0. Each element is read
 * before it is written and depends on no other, so the output may share memory with any
 * input.
 *
 * Comparisons are turned so that NaN takes the side that keeps it. The leaky ones are
 * sums of two halves, one of them +0: what a choice between x and slope * x would give,
 * which gcc does not vectorise. No zero that a rectifier gives is -0 (but what is rounded to
 * bf16), so that what is equal is the same, and rewrites may exchange it with a maximum.
 * With a slope of 0 the leaky ones are relu, since 0 * inf would be NaN.
 */
#ifndef FMP_NN_ACTIVATION_EXPRESSIONS_H
#define FMP_NN_ACTIVATION_EXPRESSIONS_H

#include "activation.h"

#include "fmp/kit/check.h"
#include "fmp/kit/half.h"
#include "fmp/kit/loops.h"

#include <tgmath.h> /* exp and tanh in the type of their argument */

#define SLOPE_OF_CALL ((const struct leaky_relu_params *)call->params)->slope

/* clang-format off */

#define RECTIFIERS(FORWARD, BACK)                                                           \
  FORWARD(relu, relu, 0, x <= 0 ? 0 : x)                                                    \
  BACK(relu_back, relu_back, 0, y <= 0 ? 0 : dy)                                            \
  FORWARD(leaky_relu, relu, SLOPE_OF_CALL, (x > 0 ? x : 0) + slope * (x > 0 ? 0 : x))       \
  BACK(leaky_relu_back, relu_back, SLOPE_OF_CALL,                                           \
       (y > 0 ? dy : 0) + slope * (y > 0 ? 0 : dy))

#define SIGMOIDS(FORWARD, BACK)                                                             \
  FORWARD(sigmoid, sigmoid, 0, (x < 0 ? exp(x) : 1) / (1 + exp(-fabs(x))))                  \
  BACK(sigmoid_back, sigmoid_back, 0, (1 - y) * y * dy)                                     \
  FORWARD(tanh, tanh, 0, tanh(x))                                                           \
  BACK(tanh_back, tanh_back, 0, (1 - y) * (1 + y) * dy)

/* clang-format on */

enum { GRAIN = 16384 }; /* elements for which a thread is worth waking */

struct loop {
  const void *a, *b; /* x; or dy and y */
  void *out;
  double slope;
};

static inline fmp_status run_loop(const fmp_call *call, fmp_range_fn body, double slope)
{
  struct loop loop = {call->in[0].data, call->n_in > 1 ? call->in[1].data : NULL, call->out[0].data,
                      slope};
  return call->host->parallel_for(call, fmp_view_size(&call->out[0]), GRAIN, body, &loop);
}

/* Elements are stored as S and computed in T: load and store convert.
 * out[i] = expression of x, or of dy and y, and of slope */
#define AS_IS(x) (x)

#define FORWARD_LOOP(name, S, T, load, store, expression)       \
  static fmp_status name(void *arg, int64_t begin, int64_t end) \
  {                                                             \
    const struct loop *const loop = arg;                        \
    const S *const xs = loop->a;                                \
    S *const out = loop->out;                                   \
    const T slope = (T)loop->slope;                             \
    (void)slope;                                                \
    FMP_LOOP_INDEPENDENT                                        \
    for (int64_t i = begin; i < end; i++) {                     \
      const T x = load(xs[i]);                                  \
      out[i] = store((expression));                             \
    }                                                           \
    return FMP_OK;                                              \
  }

#define BACK_LOOP(name, S, T, load, store, expression)          \
  static fmp_status name(void *arg, int64_t begin, int64_t end) \
  {                                                             \
    const struct loop *const loop = arg;                        \
    const S *const dys = loop->a, *const ys = loop->b;          \
    S *const out = loop->out;                                   \
    const T slope = (T)loop->slope;                             \
    (void)slope;                                                \
    FMP_LOOP_INDEPENDENT                                        \
    for (int64_t i = begin; i < end; i++) {                     \
      const T dy = load(dys[i]), y = load(ys[i]);               \
      out[i] = store((expression));                             \
    }                                                           \
    return FMP_OK;                                              \
  }

#define KERNEL_ROW(kernel, rank, types, act, pairs, function)                            \
  {                                                                                      \
    .struct_size = sizeof(fmp_kernel_def), .op = #act, .backend = "cpu", .name = kernel, \
    .dtypes = (types), .priority = (rank), .n_inplace = (pairs), .inplace = inplace,     \
    .run = (function)                                                                    \
  }

static const fmp_inplace inplace[] = {{0, 0}, {1, 0}};

#endif
