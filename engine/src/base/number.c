/* SPDX-License-Identifier: Apache-2.0
 *
 * Elements as doubles. f64 is the only type that all others fit into without loss but i64: an i64
 * beyond 2^53 is rounded on the way out, and accepted on the way in only if the double is whole. */
#include "base/number.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/status.h"
#include "fmp/api.h"
#include "fmp/kit/half.h"

/* Whole numbers in [low, high) only. Both bounds are powers of two and so exact in a double, which
 * 2^63 - 1 would not be; the comparison is written so that NaN fails it. */
static fmp_status integer_from_double(uint32_t dtype, double value, double low, double high,
                                      int64_t *integer)
{
  char text[FMP__DOUBLE_TEXT];
  if (!(value >= low && value < high) || value != trunc(value))
    return fmp__fail(FMP_EINVAL, "%s cannot hold %s", fmp_dtype_name(dtype),
                     fmp__double_text(value, text));
  *integer = (int64_t)value;
  return FMP_OK;
}

/* Floats round to nearest and become infinite where they must, as a cast would make them; integers
 * are refused rather than cut off. The rest of the union is zero. */
fmp_status fmp__number_from_double(uint32_t dtype, double value, fmp__number *number)
{
  int64_t integer = 0;
  memset(number, 0, sizeof *number);
  switch (dtype) {
  case FMP_F32: number->f32 = (float)value; break;
  case FMP_F64: number->f64 = value; break;
  case FMP_BF16: number->bits16 = fmp_bf16_of_f64(value); break;
  case FMP_F16: number->bits16 = fmp_f16_of_f64(value); break;
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

static double any_to_double(uint32_t dtype, const fmp__number *number)
{
  switch (dtype) {
  case FMP_F32: return (double)number->f32;
  case FMP_F64: return number->f64;
  case FMP_BF16: return (double)fmp_bf16_to_f32(number->bits16);
  case FMP_F16: return (double)fmp_f16_to_f32(number->bits16);
  case FMP_U8: return (double)number->u8;
  case FMP_I32: return (double)number->i32;
  default: return (double)number->i64;
  }
}

/* Up to 1e21 %.0f still fits into the text; 15 digits show what was typed, not its binary value. */
const char *fmp__double_text(double value, char *text)
{
  const int is_whole = value == trunc(value) && fabs(value) < 1e21;
  snprintf(text, FMP__DOUBLE_TEXT, is_whole ? "%.0f" : "%.15g", value);
  return text;
}

/* LuaJIT keeps its own tags in the bits of other NaNs (NaN boxing). */
double fmp__plain_double(double value) { return isnan(value) ? (double)NAN : value; }

double fmp__number_to_double(uint32_t dtype, const fmp__number *number)
{
  return fmp__plain_double(any_to_double(dtype, number));
}

fmp_status fmp_to_doubles(uint32_t dtype, const void *elements, int64_t n, double *values)
{
  const size_t size = (size_t)fmp_dtype_size(dtype);
  if (size == 0) return fmp__fail(FMP_EDTYPE, "expected a data type, got number %u", dtype);
  FMP_TRY(fmp__require_array(elements, n, "elements"));
  FMP_TRY(fmp__require_array(values, n, "room for the values"));
  for (int64_t i = 0; i < n; i++) {
    fmp__number number;
    memcpy(&number, (const char *)elements + (size_t)i * size, size);
    values[i] = fmp__number_to_double(dtype, &number);
  }
  return FMP_OK;
}
