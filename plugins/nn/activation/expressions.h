/* SPDX-License-Identifier: Apache-2.0
 *
 * The activations as a table, which cpu_ref.c and cpu_simd.c expand with loops of their
 * own: FORWARD(op, y of x), BACK(op, dx of dy and y). Each element is read before it is
 * written and depends on no other, so the output may share memory with any input.
 *
 * Comparisons are written so that NaN falls on the side that keeps it. The leaky ones are sums of
 * two halves, one of which is +0: the same as a choice between x and slope * x, which gcc does not
 * vectorise. A rectifier never returns -0 (except by rounding to bf16), so equal results have
 * equal bits, and rewrites may swap it with a maximum. With a slope of 0 the leaky ones are relu,
 * since 0 * inf would be NaN.
 */
#ifndef FMP_NN_ACTIVATION_EXPRESSIONS_H
#define FMP_NN_ACTIVATION_EXPRESSIONS_H

#include "activation.h"

#include "fmp/kit/check.h"
#include "fmp/kit/half.h"
#include "fmp/kit/loops.h"

#include <tgmath.h> /* exp and tanh in the type of their argument */

/* clang-format off */

#define RECTIFIERS(FORWARD, BACK)                                                           \
  FORWARD(relu, x <= 0 ? 0 : x)                                                             \
  BACK(relu_back, y <= 0 ? 0 : dy)                                                          \
  FORWARD(leaky_relu, (x > 0 ? x : 0) + slope * (x > 0 ? 0 : x))                            \
  BACK(leaky_relu_back, (y > 0 ? dy : 0) + slope * (y > 0 ? 0 : dy))

#define SIGMOIDS(FORWARD, BACK)                                                             \
  FORWARD(sigmoid, (x < 0 ? exp(x) : 1) / (1 + exp(-fabs(x))))                              \
  BACK(sigmoid_back, (1 - y) * y * dy)                                                      \
  FORWARD(tanh, tanh(x))                                                                    \
  BACK(tanh_back, (1 - y) * (1 + y) * dy)

/* clang-format on */

enum { GRAIN = 16384 }; /* elements that are worth waking a thread for */

struct loop {
  const void *a, *b; /* x; or dy and y */
  void *out;
  double slope;
};

/* A kernel's data: its loops by the type of its inputs. */
struct loops {
  fmp_range_fn by_type[FMP_DTYPE_COUNT];
  fmp_range_fn at_zero[FMP_DTYPE_COUNT]; /* leaky ones only: for a slope of 0 */
};

static fmp_status run(const fmp_call *call)
{
  const struct loops *const loops = call->data;
  const struct leaky_relu_params *const p = call->params;
  const uint32_t dtype = call->in[0].dtype;
  const int is_leaky = loops->at_zero[dtype] != NULL;
  struct loop loop = {.a = call->in[0].data,
                      .b = call->n_in > 1 ? call->in[1].data : NULL,
                      .out = call->out[0].data,
                      .slope = is_leaky ? p->slope : 0};
  const int64_t n = fmp_view_size(&call->out[0]);
  const fmp_range_fn body =
      is_leaky && loop.slope <= 0 ? loops->at_zero[dtype] : loops->by_type[dtype];
  return call->host->parallel_for(call, n, GRAIN, body, &loop);
}

/* Elements are stored as S and computed in T: load and store convert.
 * out[i] = expression of x, or of dy and y, and of slope */
#define AS_IS(x) (x)

#define FORWARD_LOOP(name, S, T, load, store, expression) \
  static fmp_status name(const fmp_range *range)          \
  {                                                       \
    const struct loop *const loop = range->arg;           \
    const S *const xs = loop->a;                          \
    S *const out = loop->out;                             \
    const T slope = (T)loop->slope;                       \
    const int64_t end = range->end;                       \
    (void)slope;                                          \
    FMP_LOOP_INDEPENDENT                                  \
    for (int64_t i = range->begin; i < end; i++) {        \
      const T x = load(xs[i]);                            \
      out[i] = store((expression));                       \
    }                                                     \
    return FMP_OK;                                        \
  }

#define BACK_LOOP(name, S, T, load, store, expression) \
  static fmp_status name(const fmp_range *range)       \
  {                                                    \
    const struct loop *const loop = range->arg;        \
    const S *const dys = loop->a, *const ys = loop->b; \
    S *const out = loop->out;                          \
    const T slope = (T)loop->slope;                    \
    const int64_t end = range->end;                    \
    (void)slope;                                       \
    FMP_LOOP_INDEPENDENT                               \
    for (int64_t i = range->begin; i < end; i++) {     \
      const T dy = load(dys[i]), y = load(ys[i]);      \
      out[i] = store((expression));                    \
    }                                                  \
    return FMP_OK;                                     \
  }

/* -- rows of kernel tables ------------------------------------------------- */

static const fmp_inplace inplace[] = {{0, 0}, {1, 0}};

#define ROW(kernel, rank, types, act, pairs, ...)                                               \
  {                                                                                             \
    .struct_size = sizeof(fmp_kernel_def), .op = act, .backend = "cpu", .name = kernel,         \
    .dtypes = (types), .priority = (rank), .n_inplace = (pairs), .inplace = inplace,            \
    .inplace_size = sizeof(fmp_inplace), .data = &(const struct loops){__VA_ARGS__}, .run = run \
  }

/* LOOPS(op): the loops of an op by type, in braces. */
#define RECTIFIER_ROWS(kernel, rank, types, LOOPS)                                      \
  ROW(kernel, rank, types, "relu", 1, .by_type = LOOPS(relu)),                          \
      ROW(kernel, rank, types, "relu_back", 2, .by_type = LOOPS(relu_back)),            \
      ROW(kernel, rank, types, "leaky_relu", 1, .by_type = LOOPS(leaky_relu),           \
          .at_zero = LOOPS(relu)),                                                      \
      ROW(kernel, rank, types, "leaky_relu_back", 2, .by_type = LOOPS(leaky_relu_back), \
          .at_zero = LOOPS(relu_back))

#endif
