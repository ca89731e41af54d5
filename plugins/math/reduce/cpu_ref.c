/* SPDX-License-Identifier: Apache-2.0
 *
 * Reference kernels of sum, mean, max, min and sum_to: every element of x in order, each
 * added to the accumulator of its output. Slow on purpose. */
#include "reduce.h"
#include "../numbers.h"
#include "fmp/kit/half.h"
#include "fmp/kit/register.h"
#include <math.h>

typedef void (*reduce_fn)(const fmp_view *x, const fmp_view *y, uint32_t mask, void *scratch);

/* Which output element i of x belongs to: its index without the dimensions of mask. */
static int64_t place(const fmp_view *x, uint32_t mask, int64_t i)
{
  int64_t at = 0, step = 1;
  for (uint32_t d = x->rank; d-- > 0; i /= x->shape[d]) {
    if (mask >> d & 1) continue;
    at += i % x->shape[d] * step;
    step *= x->shape[d];
  }
  return at;
}

#define AS_IS(x) (x)

/* From T, read by load, by way of ACC to Y: a = start, then a = step for each v, at last
 * y = end. */
#define REFERENCE_BY(name, T, ACC, Y, load, start, step, end)                          \
  static void name(const fmp_view *x, const fmp_view *y, uint32_t mask, void *scratch) \
  {                                                                                    \
    const int64_t size = fmp_view_size(x), n = fmp_view_size(y);                       \
    ACC *acc = scratch;                                                                \
    for (int64_t k = 0; k < n; k++) acc[k] = start;                                    \
    for (int64_t i = 0; i < size; i++) {                                               \
      const ACC v = (ACC)load(((const T *)x->data)[i]);                                \
      ACC *a = &acc[place(x, mask, i)];                                                \
      *a = step;                                                                       \
    }                                                                                  \
    for (int64_t k = 0; k < n; k++) ((Y *)y->data)[k] = (Y)(end);                      \
  }

#define REFERENCE(name, T, ACC, Y, start, step, end) \
  REFERENCE_BY(name, T, ACC, Y, AS_IS, start, step, end)

#define SUM(name, T, ACC, Y) REFERENCE(name, T, ACC, Y, 0, *a + v, acc[k])
SUM(sum_f32, float, double, float)
SUM(sum_f64, double, double, double)
SUM(sum_u8, uint8_t, uint64_t, int64_t)
SUM(sum_i32, int32_t, uint64_t, int64_t)
SUM(sum_i64, int64_t, uint64_t, int64_t)
REFERENCE_BY(sum_bf16, uint16_t, double, float, fmp_bf16_to_f32, 0, *a + v, acc[k])
/* Of sum_to, which keeps the type. */
REFERENCE_BY(sum_in_bf16, uint16_t, double, uint16_t, fmp_bf16_to_f32, 0, *a + v,
             fmp_bf16_of_f64(acc[k]))

#define MEAN(name, T) REFERENCE(name, T, double, T, 0, *a + v, acc[k] / (double)(size / n))
MEAN(mean_f32, float)
MEAN(mean_f64, double)
REFERENCE_BY(mean_bf16, uint16_t, double, float, fmp_bf16_to_f32, 0, *a + v,
             acc[k] / (double)(size / n))

/* Once NaN, no comparison replaces it. */
#define FLOAT_EXTREME(name, T, order, start) \
  REFERENCE(name, T, double, T, start, v order *a || v != v ? v : *a, acc[k])
#define BF16_EXTREME(name, order, start)                                 \
  REFERENCE_BY(name, uint16_t, double, uint16_t, fmp_bf16_to_f32, start, \
               v order *a || v != v ? v : *a, fmp_bf16_of_f64(acc[k]))
BF16_EXTREME(max_bf16, >, -INFINITY)
BF16_EXTREME(min_bf16, <, INFINITY)
FLOAT_EXTREME(max_f32, float, >, -INFINITY)
FLOAT_EXTREME(max_f64, double, >, -INFINITY)
FLOAT_EXTREME(min_f32, float, <, INFINITY)
FLOAT_EXTREME(min_f64, double, <, INFINITY)

#define INTEGER_EXTREME(name, T, order, start) \
  REFERENCE(name, T, int64_t, T, start, v order *a ? v : *a, acc[k])
INTEGER_EXTREME(max_u8, uint8_t, >, INT64_MIN)
INTEGER_EXTREME(max_i32, int32_t, >, INT64_MIN)
INTEGER_EXTREME(max_i64, int64_t, >, INT64_MIN)
INTEGER_EXTREME(min_u8, uint8_t, <, INT64_MAX)
INTEGER_EXTREME(min_i32, int32_t, <, INT64_MAX)
INTEGER_EXTREME(min_i64, int64_t, <, INT64_MAX)

static const reduce_fn sums[FMP_DTYPE_COUNT] = {
    [FMP_F32] = sum_f32, [FMP_F64] = sum_f64, [FMP_BF16] = sum_bf16,
    [FMP_U8] = sum_u8,   [FMP_I32] = sum_i32, [FMP_I64] = sum_i64};
static const reduce_fn sums_to[FMP_DTYPE_COUNT] = {
    [FMP_F32] = sum_f32, [FMP_F64] = sum_f64, [FMP_BF16] = sum_in_bf16};
static const reduce_fn means[FMP_DTYPE_COUNT] = {
    [FMP_F32] = mean_f32, [FMP_F64] = mean_f64, [FMP_BF16] = mean_bf16};
static const reduce_fn maxima[FMP_DTYPE_COUNT] = {
    [FMP_F32] = max_f32, [FMP_F64] = max_f64, [FMP_BF16] = max_bf16,
    [FMP_U8] = max_u8,   [FMP_I32] = max_i32, [FMP_I64] = max_i64};
static const reduce_fn minima[FMP_DTYPE_COUNT] = {
    [FMP_F32] = min_f32, [FMP_F64] = min_f64, [FMP_BF16] = min_bf16,
    [FMP_U8] = min_u8,   [FMP_I32] = min_i32, [FMP_I64] = min_i64};

/* data: such a table. */
static fmp_status run(const fmp_call *call)
{
  const reduce_fn *by_type = call->data;
  const fmp_view *x = &call->in[0];
  by_type[x->dtype](x, call->out, reduce_call_mask(call), call->scratch);
  return FMP_OK;
}

/* An accumulator of 8 bytes per output. */
static size_t scratch(const fmp_kernel_args *args, const void *state)
{
  (void)state;
  return (size_t)fmp_spec_size(args->out) * 8;
}

#define KERNEL                                                                                \
  .struct_size = sizeof(fmp_kernel_def), .backend = "cpu", .name = "ref", .scratch = scratch, \
  .run = run

static const fmp_kernel_def kernels[] = {
    {KERNEL, .op = "sum", .dtypes = NUMBERS, .data = sums},
    {KERNEL, .op = "mean", .dtypes = FMP_FLOATS, .data = means},
    {KERNEL, .op = "max", .dtypes = NUMBERS, .data = maxima},
    {KERNEL, .op = "min", .dtypes = NUMBERS, .data = minima},
    {KERNEL, .op = "sum_to", .dtypes = FMP_FLOATS, .data = sums_to},
};

fmp_status reduce_add_ref(const fmp_host *h, fmp_registry *r)
{
  return FMP_ADD_KERNELS(h, r, kernels);
}
