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

#include "fmp/plugin.h"
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
 * output of a comparison is of another size; so, but for bytes, is a condition. */
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

#define FLOAT_TYPES  (FMP_BIT(FMP_F32) | FMP_BIT(FMP_F64) | FMP_BIT(FMP_BF16))
#define NUMBER_TYPES (FLOAT_TYPES | FMP_BIT(FMP_U8) | FMP_BIT(FMP_I32) | FMP_BIT(FMP_I64))

enum inplace { NONE, FIRST, SECOND, BOTH, LAST_TWO };

/* A row of a kernel table: an op, the types it takes (a condition is bytes, which every
 * op that takes one takes anyway), and what runs it. */
typedef struct kernel_row {
  const char *op;
  uint32_t dtypes;
  enum inplace inplace;
  fmp_status (*run)(const fmp_call *call);
} kernel_row;

#define NUMBER_KERNEL(name, pairs) {#name, NUMBER_TYPES, pairs, name##_run},
#define FLOAT_KERNEL(name, pairs)  {#name, FLOAT_TYPES, pairs, name##_run},

/* name_run: picks the row's function for the last input's type (a condition comes first).
 * bf16 is computed by the row for f32, whose loop converts. */
#define NUMBER_RUN(name, pairs)                                                   \
  static fmp_status name##_run(const fmp_call *call)                              \
  {                                                                               \
    static const row_fn by_type[FMP_DTYPE_COUNT] = {                              \
        [FMP_F32] = name##_f32, [FMP_BF16] = name##_f32, [FMP_F64] = name##_f64,  \
        [FMP_U8] = name##_u8,   [FMP_I32] = name##_i32,  [FMP_I64] = name##_i64}; \
    return run(call, by_type[call->in[call->n_in - 1].dtype]);                    \
  }

#define FLOAT_RUN(name, pairs)                                                    \
  static fmp_status name##_run(const fmp_call *call)                              \
  {                                                                               \
    static const row_fn by_type[FMP_DTYPE_COUNT] = {                              \
        [FMP_F32] = name##_f32, [FMP_BF16] = name##_f32, [FMP_F64] = name##_f64}; \
    return run(call, by_type[call->in[call->n_in - 1].dtype]);                    \
  }

/* Pairs of one type only, so that equal bytes mean that nothing is repeated. */
static inline void set_inplace(fmp_kernel_def *def, enum inplace pairs)
{
  static const fmp_inplace all[] = {{0, 0}, {1, 0}, {2, 0}};
  static const struct {
    uint32_t first, count;
  } part[] = {
      [NONE] = {0, 0}, [FIRST] = {0, 1}, [SECOND] = {1, 1}, [BOTH] = {0, 2}, [LAST_TWO] = {1, 2}};
  def->inplace = all + part[pairs].first;
  def->n_inplace = part[pairs].count;
}

static inline fmp_status add_rows(const fmp_host *h, fmp_registry *r, fmp_kernel_def def,
                                  const kernel_row *rows, size_t n)
{
  for (size_t i = 0; i < n; i++) {
    def.op = rows[i].op;
    def.dtypes = rows[i].dtypes;
    def.run = rows[i].run;
    set_inplace(&def, rows[i].inplace);
    FMP_TRY(h->add_kernel(r, &def));
  }
  return FMP_OK;
}

#endif
