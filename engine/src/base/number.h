/* SPDX-License-Identifier: Apache-2.0
 * One element of any data type, to and from double. Ops convert tensors; this serves
 * what callers read and write as numbers. */
#ifndef FMP_NUMBER_H
#define FMP_NUMBER_H

#include "fmp/plugin.h"

typedef union fmp__number {
  float f32;
  double f64;
  uint16_t bits16; /* bf16, f16 */
  uint8_t u8;
  int32_t i32;
  int64_t i64;
} fmp__number;

/* FMP_EINVAL where an integer type cannot hold the value. */
fmp_status fmp__number_from_double(uint32_t dtype, double value, fmp__number *number);
/* Never a NaN but the plain one; see fmp_to_doubles(). */
double fmp__number_to_double(uint32_t dtype, const fmp__number *number);
double fmp__plain_double(double value);

/* For messages: whole numbers with all their digits, as who gave them wrote them. */
enum { FMP__DOUBLE_TEXT = 32 };
const char *fmp__double_text(double value, char *text);

#endif
