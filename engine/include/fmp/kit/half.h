/* SPDX-License-Identifier: Apache-2.0
 *
 * kit/half.h: bf16 and f16 as bits, to and from f32 and f64.
 *
 * All conversions round once, to nearest, ties to even (IEEE 754's default); what is too large
 * becomes infinity, denormals are kept, zeros keep their sign, a NaN stays one (quiet, with its
 * sign and the upper bits of its payload). The same bits on every device and in every rounding
 * mode, since what rounds is integer arithmetic. fmp_bf16_to_f32 moves bits and nothing else, so
 * there a signalling NaN stays what it is.
 *
 *   type   sign, exponent, mantissa   bias   smallest denormal   largest
 *   f32    1, 8, 23                   127    2^-149              (2 - 2^-23) 2^127
 *   bf16   1, 8, 7                    127    2^-133              (2 - 2^-7)  2^127
 *   f16    1, 5, 10                   15     2^-24               65504 = (2 - 2^-10) 2^15
 *
 * Pure functions on single numbers. Host and device (FMP_KIT_FN), C and C++. */
#ifndef FMP_KIT_HALF_H
#define FMP_KIT_HALF_H

#include <stdint.h>
#include <string.h>

/* How functions of the kit that also run on accelerators are declared. */
#ifndef FMP_KIT_FN
#if defined(__CUDACC__)
#define FMP_KIT_FN static __host__ __device__ inline
#else
#define FMP_KIT_FN static inline
#endif
#endif

/* -- bits ------------------------------------------------------------------ */

/* An f32's bits. memcpy, since a union or a cast would be undefined in C++ or in C; compilers make
 * no call. */
FMP_KIT_FN uint32_t fmp_bits_of_f32(float x)
{
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

/* The f32 that has these bits. */
FMP_KIT_FN float fmp_f32_of_bits(uint32_t bits)
{
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

/* -- bf16: the upper half of an f32 ---------------------------------------- */

/* Exact: every bf16 is an f32 whose lower half is zero. */
FMP_KIT_FN float fmp_bf16_to_f32(uint16_t x) { return fmp_f32_of_bits((uint32_t)x << 16); }

/* Adding 0x7FFF, and one more if the part that is kept is odd, carries into the kept part exactly
 * when nearest-even goes up, and on into the exponent if need be, up to infinity. A NaN is cut off
 * instead, with its quiet bit set, because the carry could turn it into infinity. */
FMP_KIT_FN uint16_t fmp_bf16_of_f32(float x)
{
  const uint32_t bits = fmp_bits_of_f32(x);
  const uint32_t rounded = (bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16;
  const uint32_t nan = (bits >> 16) | 0x40u;
  return (uint16_t)((bits & 0x7FFFFFFFu) > 0x7F800000u ? nan : rounded);
}

/* -- f16: 1 sign, 5 exponent, 10 mantissa bits ------------------------------ */

/* Exact: f32 has denormals of f16 among its normal numbers. 112 is the difference of the biases. A
 * NaN becomes quiet. */
FMP_KIT_FN float fmp_f16_to_f32(uint16_t x)
{
  const uint32_t sign = (uint32_t)(x & 0x8000u) << 16;
  const uint32_t exponent = (x >> 10) & 31u;
  const uint32_t mantissa = x & 0x3FFu;
  const uint32_t quiet = mantissa != 0 ? 0x400000u : 0;
  if (exponent == 31) return fmp_f32_of_bits(sign | 0x7F800000u | quiet | mantissa << 13);
  if (exponent != 0) return fmp_f32_of_bits(sign | (exponent + 112u) << 23 | mantissa << 13);
  /* a denormal or zero: mantissa * 2^-24, exact in f32 */
  return fmp_f32_of_bits(sign | fmp_bits_of_f32((float)mantissa * 0x1p-24f));
}

/* m 2^-shift, rounded to nearest, ties to even; shift from 1 to 24, m below 2^31. Half a unit, less
 * one, plus the last bit that is kept, carries exactly when it must, as above. */
FMP_KIT_FN uint32_t fmp_half_shift(uint32_t m, uint32_t shift)
{
  return (m + (1u << (shift - 1)) - 1u + ((m >> shift) & 1u)) >> shift;
}

/* The mantissa of an f16 below 2^-14, where the unit is 2^-24, from the bits of a positive f32. Its
 * own mantissa, with the leading one, counts units of 2^(exponent - 150), so it moves right by 126
 * - exponent. Below 2^-25, half of that unit, nothing is left; the largest result, 0x400, is the
 * smallest normal number. */
FMP_KIT_FN uint32_t fmp_f16_denormal(uint32_t abs)
{
  const uint32_t exponent = abs >> 23;
  if (exponent < 102) return 0;
  return fmp_half_shift((abs & 0x7FFFFFu) | 0x800000u, 126 - exponent);
}

/* 65520 is the middle between 65504 and what would be the next number: from there on it is
 * infinity. 0x38000000 is the difference of the biases in the exponent's place; rounding carries
 * into the exponent. */
FMP_KIT_FN uint16_t fmp_f16_of_f32(float x)
{
  const uint32_t bits = fmp_bits_of_f32(x);
  const uint32_t sign = (bits >> 16) & 0x8000u;
  const uint32_t abs = bits & 0x7FFFFFFFu;
  if (abs > 0x7F800000u) return (uint16_t)(sign | 0x7E00u | ((abs >> 13) & 0x3FFu));
  if (abs >= 0x477FF000u) return (uint16_t)(sign | 0x7C00u); /* 65520 and more: infinity */
  if (abs < 0x38800000u) return (uint16_t)(sign | fmp_f16_denormal(abs));
  return (uint16_t)(sign | fmp_half_shift(abs - 0x38000000u, 13));
}

/* -- from f64 --------------------------------------------------------------- */

/* x as f32, rounded to odd: what is inexact gets an odd last bit. Rounding that again, to 22 bits
 * or fewer, gives what rounding x once would have given, because an odd last bit is never a tie and
 * lies on the same side of every tie as x (Boldo and Melquiond, "When double rounding is odd",
 * 2005). Rounding to nearest twice would not. Whichever neighbour the rounding mode takes first,
 * the one towards zero is found from it. */
FMP_KIT_FN float fmp_f32_round_odd(double x)
{
  const float nearest = (float)x;
  const double back = (double)nearest;
  uint32_t bits = fmp_bits_of_f32(nearest);
  if (back == x || x != x) return nearest; /* exact, infinity included; or NaN */
  /* one step towards zero if nearest went away from it: magnitudes order as bits do */
  if ((x < 0 ? -back : back) > (x < 0 ? -x : x)) bits -= 1;
  return fmp_f32_of_bits(bits | 1u);
}

/* From f64, rounded once. */
FMP_KIT_FN uint16_t fmp_bf16_of_f64(double x) { return fmp_bf16_of_f32(fmp_f32_round_odd(x)); }
FMP_KIT_FN uint16_t fmp_f16_of_f64(double x) { return fmp_f16_of_f32(fmp_f32_round_odd(x)); }

#endif
