/* SPDX-License-Identifier: Apache-2.0 */
#include "number.h"

#include <math.h>
#include <string.h>

#include "fmp/api.h"
#include "status.h"

/* bf16 is the upper half of an f32, rounded to nearest even. */
static uint16_t bf16_from_float(float value)
{
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  if (isnan(value)) return (uint16_t)(bits >> 16 | 0x40u);
  return (uint16_t)((bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16);
}

static float bf16_to_float(uint16_t half)
{
  const uint32_t bits = (uint32_t)half << 16;
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

/* f16: sign, 5 bits of exponent (bias 15), 10 of mantissa; rounded to nearest even by
 * scaling to where one unit is one step of the target. */
static uint16_t f16_from_float(float value)
{
  const uint16_t sign = signbit(value) ? 0x8000u : 0u;
  const double magnitude = fabs((double)value);
  if (isnan(value)) return (uint16_t)(sign | 0x7E00u);
  if (magnitude >= 65520.0) return (uint16_t)(sign | 0x7C00u);
  int exponent;
  frexp(magnitude, &exponent);
  if (exponent < -13) exponent = -13; /* subnormal: fixed step 2^-24 */
  const double steps = nearbyint(ldexp(magnitude, 11 - exponent));
  /* A carry out of the mantissa raises the exponent by itself. */
  const uint32_t bits = magnitude == 0.0 ? 0u : (uint32_t)((exponent + 13) << 10) + (uint32_t)steps;
  return (uint16_t)(sign | bits);
}

static float f16_to_float(uint16_t half)
{
  const int exponent = half >> 10 & 31;
  const int mantissa = half & 1023;
  float magnitude;
  if (exponent == 31)
    magnitude = mantissa ? NAN : INFINITY;
  else if (exponent == 0)
    magnitude = ldexpf((float)mantissa, -24);
  else
    magnitude = ldexpf((float)(mantissa + 1024), exponent - 25);
  return half & 0x8000u ? -magnitude : magnitude;
}

static fmp_status integer_from_double(uint32_t dtype, double value, double low, double high,
                                      int64_t *integer)
{
  if (!(value >= low && value < high) || value != trunc(value))
    return fmp__fail(FMP_EINVAL, "%s cannot hold %.17g", fmp_dtype_name(dtype), value);
  *integer = (int64_t)value;
  return FMP_OK;
}

fmp_status fmp__number_from_double(uint32_t dtype, double value, fmp__number *number)
{
  int64_t integer = 0;
  memset(number, 0, sizeof *number);
  switch (dtype) {
  case FMP_F32: number->f32 = (float)value; break;
  case FMP_F64: number->f64 = value; break;
  case FMP_BF16: number->bits16 = bf16_from_float((float)value); break;
  case FMP_F16: number->bits16 = f16_from_float((float)value); break;
  case FMP_U8:
    FMP_TRY(integer_from_double(dtype, value, 0.0, 256.0, &integer));
    number->u8 = (uint8_t)integer;
    break;
  case FMP_I32:
    FMP_TRY(integer_from_double(dtype, value, -0x1p31, 0x1p31, &integer));
    number->i32 = (int32_t)integer;
    break;
  case FMP_I64:
    FMP_TRY(integer_from_double(dtype, value, -0x1p63, 0x1p63, &integer));
    number->i64 = integer;
    break;
  default: return fmp__fail(FMP_EDTYPE, "expected a data type, got number %u", dtype);
  }
  return FMP_OK;
}

double fmp__number_to_double(uint32_t dtype, const fmp__number *number)
{
  switch (dtype) {
  case FMP_F32: return (double)number->f32;
  case FMP_F64: return number->f64;
  case FMP_BF16: return (double)bf16_to_float(number->bits16);
  case FMP_F16: return (double)f16_to_float(number->bits16);
  case FMP_U8: return (double)number->u8;
  case FMP_I32: return (double)number->i32;
  default: return (double)number->i64;
  }
}
