/* SPDX-License-Identifier: Apache-2.0
 *
 * Conversion of one number between any two data types. Sources come in three classes that
 * hold them exactly: f (float) for f32, bf16 and f16, d (double), i (int64_t) for integers.
 *   to floats    rounded once, to nearest, ties to even; too large: infinity
 *   to integers  truncated towards zero, then saturated; NaN: 0
 */
#ifndef FMP_ARRAY_CONVERT_H
#define FMP_ARRAY_CONVERT_H

#include <string.h>
#include "fmp/types.h"
#include "fmp/kit/half.h"

/* -- from double -------------------------------------------------------------- */

static inline float d_to_f32(double x) { return (float)x; }
static inline double d_to_f64(double x) { return x; }
static inline uint16_t d_to_bf16(double x) { return fmp_bf16_of_f64(x); }
static inline uint16_t d_to_f16(double x) { return fmp_f16_of_f64(x); }

static inline uint8_t d_to_u8(double x)
{
  if (!(x > 0)) return 0;
  return x < 255 ? (uint8_t)x : 255;
}

static inline int32_t d_to_i32(double x)
{
  if (x != x) return 0;
  if (x <= -0x1p31) return INT32_MIN;
  return x < 0x1p31 - 1 ? (int32_t)x : INT32_MAX;
}

static inline int64_t d_to_i64(double x)
{
  if (x != x) return 0;
  if (x <= -0x1p63) return INT64_MIN;
  return x < 0x1p63 ? (int64_t)x : INT64_MAX;
}

/* -- from float ----------------------------------------------------------------- */

static inline float f_to_f32(float x) { return x; }
static inline double f_to_f64(float x) { return (double)x; }
static inline uint16_t f_to_bf16(float x) { return fmp_bf16_of_f32(x); }
static inline uint16_t f_to_f16(float x) { return fmp_f16_of_f32(x); }
static inline uint8_t f_to_u8(float x) { return d_to_u8((double)x); }
static inline int32_t f_to_i32(float x) { return d_to_i32((double)x); }
static inline int64_t f_to_i64(float x) { return d_to_i64((double)x); }

/* -- from int64_t ----------------------------------------------------------------- */

/* x in 53 bits, rounded to odd: rounding the result again gives what rounding x once
 * would have given. The twelve low bits become one. */
static inline double odd_double(int64_t x)
{
  const int small = x > -((int64_t)1 << 53) && x < ((int64_t)1 << 53);
  if (small || (x & 0xFFF) == 0) return (double)x;
  return (double)((x & ~(int64_t)0xFFF) | 0x1000);
}

static inline float i_to_f32(int64_t x) { return (float)x; }
static inline double i_to_f64(int64_t x) { return (double)x; }
static inline uint16_t i_to_bf16(int64_t x) { return fmp_bf16_of_f64(odd_double(x)); }
static inline uint16_t i_to_f16(int64_t x) { return fmp_f16_of_f64(odd_double(x)); }
static inline uint8_t i_to_u8(int64_t x) { return x < 0 ? 0 : x > 255 ? 255 : (uint8_t)x; }
static inline int64_t i_to_i64(int64_t x) { return x; }

static inline int32_t i_to_i32(int64_t x)
{
  return x < INT32_MIN ? INT32_MIN : x > INT32_MAX ? INT32_MAX : (int32_t)x;
}

/* -- one number into bytes[8] ------------------------------------------------------ */

#define CONVERT_CASE(DTYPE, type, name) \
  case DTYPE: {                         \
    const type y = d_to_##name(value);  \
    memcpy(bytes, &y, sizeof y);        \
    break;                              \
  }

static inline void convert_number(double value, uint32_t dtype, char *bytes)
{
  switch (dtype) {
    CONVERT_CASE(FMP_F32, float, f32)
    CONVERT_CASE(FMP_F64, double, f64)
    CONVERT_CASE(FMP_BF16, uint16_t, bf16)
    CONVERT_CASE(FMP_F16, uint16_t, f16)
    CONVERT_CASE(FMP_U8, uint8_t, u8)
    CONVERT_CASE(FMP_I32, int32_t, i32)
    CONVERT_CASE(FMP_I64, int64_t, i64)
  default: break;
  }
}
#undef CONVERT_CASE

#endif
