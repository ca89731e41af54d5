/* SPDX-License-Identifier: Apache-2.0
 *
 * The tables of this family: one row per expression. cpu_ref.c and cpu_loops.c expand
 * them, each with its own kind of loop around a row.
 *
 * A row X1(name, suffix, A, R, y) takes a of type A to y of type R; X2 has b of type B as
 * well, X3 also c. The function that it makes is name_suffix. Integers wrap as in NumPy:
 * arithmetic is done in the unsigned type U. `|` instead of `||` where both sides are free
 * of effects, so that no branch stands in the way of vector instructions.
 */
#ifndef FMP_MATH_EXPRESSIONS_H
#define FMP_MATH_EXPRESSIONS_H

#include "../numbers.h"
#include <tgmath.h>

/* clang-format off */

/* maximum, minimum: NaN in either operand comes out; ties are a, NaN in both too. */
#define FLOAT_ROWS(X1, X2, s, T)                                                   \
  X2(add, s, T, T, T, a + b)                                                       \
  X2(sub, s, T, T, T, a - b)                                                       \
  X2(mul, s, T, T, T, a * b)                                                       \
  X2(div, s, T, T, T, a / b)                                                       \
  X2(pow, s, T, T, T, pow(a, b))                                                   \
  X2(maximum, s, T, T, T, ((a >= b) | (a != a)) ? a : b)                           \
  X2(minimum, s, T, T, T, ((a <= b) | (a != a)) ? a : b)                           \
  X2(pow_base_slope, s, T, T, T, b == 0 ? 0 : b * pow(a, b - 1))                   \
  X2(pow_exponent_slope, s, T, T, T, a == 0 && b >= 0 ? 0 : pow(a, b) * log(a))    \
  X1(neg, s, T, T, -a)                                                             \
  X1(exp, s, T, T, exp(a))                                                         \
  X1(log, s, T, T, log(a))                                                         \
  X1(sqrt, s, T, T, sqrt(a))                                                       \
  X1(abs, s, T, T, fabs(a))                                                        \
  X1(sign, s, T, T, a != a ? a : (T)((a > 0) - (a < 0)))                           \
  X1(square, s, T, T, a * a)

#define INTEGER_ROWS(X1, X2, s, T, U)          \
  X2(add, s, T, T, T, (U)a + (U)b)             \
  X2(sub, s, T, T, T, (U)a - (U)b)             \
  X2(mul, s, T, T, T, (U)a * (U)b)             \
  X2(maximum, s, T, T, T, a >= b ? a : b)      \
  X2(minimum, s, T, T, T, a <= b ? a : b)      \
  X1(neg, s, T, T, (U)0 - (U)a)                \
  X1(square, s, T, T, (U)a * (U)a)

#define SIGNED_ROWS(X1, X2, s, T, U)           \
  INTEGER_ROWS(X1, X2, s, T, U)                \
  X1(abs, s, T, T, a < 0 ? (U)0 - (U)a : (U)a) \
  X1(sign, s, T, T, (a > 0) - (a < 0))

#define UNSIGNED_ROWS(X1, X2, s, T, U) \
  INTEGER_ROWS(X1, X2, s, T, U)        \
  X1(abs, s, T, T, a)                  \
  X1(sign, s, T, T, a != 0)

/* For every type. Of a condition, whatever is not zero counts as true. */
#define COMMON_ROWS(X1, X2, X3, s, T)            \
  X2(equal, s, T, T, uint8_t, a == b)            \
  X2(not_equal, s, T, T, uint8_t, a != b)        \
  X2(less, s, T, T, uint8_t, a < b)              \
  X2(less_equal, s, T, T, uint8_t, a <= b)       \
  X2(greater, s, T, T, uint8_t, a > b)           \
  X2(greater_equal, s, T, T, uint8_t, a >= b)    \
  X2(keep_if, s, uint8_t, T, T, a != 0 ? b : 0)  \
  X2(drop_if, s, uint8_t, T, T, a != 0 ? 0 : b)  \
  X3(where, s, uint8_t, T, T, T, a != 0 ? b : c)

#define ALL_ROWS(X1, X2, X3)                     \
  FLOAT_ROWS(X1, X2, f32, float)                 \
  FLOAT_ROWS(X1, X2, f64, double)                \
  UNSIGNED_ROWS(X1, X2, u8, uint8_t, uint32_t)   \
  SIGNED_ROWS(X1, X2, i32, int32_t, uint32_t)    \
  SIGNED_ROWS(X1, X2, i64, int64_t, uint64_t)    \
  COMMON_ROWS(X1, X2, X3, f32, float)            \
  COMMON_ROWS(X1, X2, X3, f64, double)           \
  COMMON_ROWS(X1, X2, X3, u8, uint8_t)           \
  COMMON_ROWS(X1, X2, X3, i32, int32_t)          \
  COMMON_ROWS(X1, X2, X3, i64, int64_t)

/* Ops by the types that they have rows for, and the in-place pairs that they allow. The
 * output of a comparison has another element size, and so, except for bytes, has a condition. */
#define ALL_OPS(NUMBERS, FLOATS)                                                   \
  NUMBERS(add, BOTH) NUMBERS(sub, BOTH) NUMBERS(mul, BOTH)                         \
  NUMBERS(maximum, BOTH) NUMBERS(minimum, BOTH)                                    \
  FLOATS(div, BOTH) FLOATS(pow, BOTH)                                              \
  FLOATS(pow_base_slope, BOTH) FLOATS(pow_exponent_slope, BOTH)                    \
  NUMBERS(neg, FIRST) NUMBERS(abs, FIRST) NUMBERS(sign, FIRST) NUMBERS(square, FIRST) \
  FLOATS(exp, FIRST) FLOATS(log, FIRST) FLOATS(sqrt, FIRST)                        \
  NUMBERS(equal, NONE) NUMBERS(not_equal, NONE)                                    \
  NUMBERS(less, NONE) NUMBERS(less_equal, NONE)                                    \
  NUMBERS(greater, NONE) NUMBERS(greater_equal, NONE)                              \
  NUMBERS(keep_if, SECOND) NUMBERS(drop_if, SECOND) NUMBERS(where, LAST_TWO)

/* clang-format on */

/* -- registration ---------------------------------------------------------- */

/* In-place pairs are of one type only, so that equal bytes mean that nothing is repeated. */
static const fmp_inplace inplace[] = {{0, 0}, {1, 0}, {2, 0}};

#define PAIRS(first, count) \
  .inplace = inplace + (first), .n_inplace = (count), .inplace_size = sizeof(fmp_inplace)
#define NONE     .n_inplace = 0
#define FIRST    PAIRS(0, 1)
#define SECOND   PAIRS(1, 1)
#define BOTH     PAIRS(0, 2)
#define LAST_TWO PAIRS(1, 2)

/* For each op, its function for each type. bf16 is computed by the one for f32: loops convert. */
#define FLOAT_TABLE(name, pairs)                       \
  static const row_fn name##_rows[FMP_DTYPE_COUNT] = { \
      [FMP_F32] = name##_f32, [FMP_BF16] = name##_f32, [FMP_F64] = name##_f64};
#define NUMBER_TABLE(name, pairs)                                              \
  static const row_fn name##_rows[FMP_DTYPE_COUNT] = {                         \
      [FMP_F32] = name##_f32, [FMP_BF16] = name##_f32, [FMP_F64] = name##_f64, \
      [FMP_U8] = name##_u8,   [FMP_I32] = name##_i32,  [FMP_I64] = name##_i64};

/* Its kernel: KERNEL holds the other fields. The type of a condition, u8, need not be added: every
 * op with a condition has it among its own types. */
#define FLOAT_KERNEL(name, pairs) \
  {KERNEL, .op = #name, .dtypes = FMP_FLOATS, .data = name##_rows, pairs},
#define NUMBER_KERNEL(name, pairs) \
  {KERNEL, .op = #name, .dtypes = NUMBERS, .data = name##_rows, pairs},

/* The table's function for the last input's type: a condition comes first. */
#define ROW_OF(call) (((const row_fn *)(call)->data)[(call)->in[(call)->n_in - 1].dtype])

#endif
