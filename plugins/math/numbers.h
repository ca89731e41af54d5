/* SPDX-License-Identifier: Apache-2.0
 * The types that ops of this family take, as sets and in words for failures. */
#ifndef FMP_MATH_NUMBERS_H
#define FMP_MATH_NUMBERS_H

#include "fmp/kit/check.h"

#define FLOATS_TEXT  "f32, f64 or bf16" /* FMP_FLOATS */
#define NUMBERS      (FMP_FLOATS | FMP_BIT(FMP_U8) | FMP_BIT(FMP_I32) | FMP_BIT(FMP_I64))
#define NUMBERS_TEXT "f32, f64, bf16, u8, i32 or i64"

#endif
