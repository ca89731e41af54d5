/* SPDX-License-Identifier: Apache-2.0
 *
 * One element of any data type, to and from double: what callers read and write as numbers. Whole
 * tensors are converted by ops; only a few elements at a time go through here. */
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
/* If it is NaN, it is the quiet, positive one without payload; see fmp_to_doubles(). */
double fmp__number_to_double(uint32_t dtype, const fmp__number *number);
double fmp__plain_double(double value);

/* For messages. Whole numbers get all their digits, because that is how the user wrote them:
 * 100000, not 1e+05. Returns text[FMP__DOUBLE_TEXT]. */
enum { FMP__DOUBLE_TEXT = 32 };
const char *fmp__double_text(double value, char *text);

#endif
