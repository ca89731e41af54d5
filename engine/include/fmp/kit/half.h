/* SPDX-License-Identifier: Apache-2.0
 *
 * bf16 and f16 as bits, to and from f32 and f64. All conversions round once, to nearest,
 * ties to even; what is too large becomes infinity, denormals are kept, a NaN stays one
 * (quiet, with its sign and the upper bits of its payload). The same bits on every device and
 * in every rounding mode: what rounds is integers. fmp_bf16_to_f32 moves bits and nothing
 * else, so there a signalling NaN stays what it is.
 */
#ifndef FMP_KIT_HALF_H
#define FMP_KIT_HALF_H

#include <stdint.h>
#include <string.h>

#ifndef FMP_KIT_FN
#if defined(__CUDACC__)
#define FMP_KIT_FN static __host__ __device__ inline
#else
#define FMP_KIT_FN static inline
#endif
#endif

FMP_KIT_FN uint32_t fmp_bits_of_f32(float x)
{
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

FMP_KIT_FN float fmp_f32_of_bits(uint32_t bits)
{
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

/* -- bf16: the upper half of an f32 ---------------------------------------- */

FMP_KIT_FN float fmp_bf16_to_f32(uint16_t x) { return fmp_f32_of_bits((uint32_t)x << 16); }

/* Adding 0x7FFF, and one more if the kept part is odd, carries exactly when nearest-even
 * goes up, into the exponent where need be. */
FMP_KIT_FN uint16_t fmp_bf16_of_f32(float x)
{
  const uint32_t bits = fmp_bits_of_f32(x);
  const uint32_t rounded = (bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16;
  const uint32_t nan = (bits >> 16) | 0x40u;
  return (uint16_t)((bits & 0x7FFFFFFFu) > 0x7F800000u ? nan : rounded);
}

/* -- f16: 1 sign, 5 exponent, 10 mantissa bits ------------------------------ */

FMP_KIT_FN float fmp_f16_to_f32(uint16_t x)
{
  const uint32_t sign = (uint32_t)(x & 0x8000u) << 16;
  const uint32_t exponent = (x >> 10) & 31u;
  const uint32_t mantissa = x & 0x3FFu;
  const uint32_t quiet = mantissa != 0 ? 0x400000u : 0;
  if (exponent == 31) return fmp_f32_of_bits(sign | 0x7F800000u | quiet | mantissa << 13);
  if (exponent != 0) return fmp_f32_of_bits(sign | (exponent + 112u) << 23 | mantissa << 13);
  /* denormal: mantissa * 2^-24, exact in f32 */
  return fmp_f32_of_bits(sign | fmp_bits_of_f32((float)mantissa * 0x1p-24f));
}

/* m 2^-shift, rounded. Half a unit less the last bit that is kept carries as above. */
FMP_KIT_FN uint32_t fmp_half_shift(uint32_t m, uint32_t shift)
{
  return (m + (1u << (shift - 1)) - 1u + ((m >> shift) & 1u)) >> shift;
}

/* Below 2^-14 the unit is 2^-24: the mantissa, in units of 2^(exponent - 150), moves right by
 * 126 - exponent, and below 2^-25, half of that unit, nothing is left. */
FMP_KIT_FN uint32_t fmp_f16_denormal(uint32_t abs)
{
  const uint32_t exponent = abs >> 23;
  if (exponent < 102) return 0;
  return fmp_half_shift((abs & 0x7FFFFFu) | 0x800000u, 126 - exponent);
}

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

/* x as f32, rounded to odd: what is inexact gets an odd last bit. Rounding that again,
 * to 22 bits or fewer, gives what rounding x once would have given. Whichever neighbour the
 * rounding mode takes first, the one towards zero is found from it. */
FMP_KIT_FN float fmp_f32_round_odd(double x)
{
  const float nearest = (float)x;
  const double back = (double)nearest;
  uint32_t bits = fmp_bits_of_f32(nearest);
  if (back == x || x != x) return nearest; /* exact (infinity too), or NaN */
  /* one step towards zero if nearest went away from it: magnitudes order as bits do */
  if ((x < 0 ? -back : back) > (x < 0 ? -x : x)) bits -= 1;
  return fmp_f32_of_bits(bits | 1u);
}

FMP_KIT_FN uint16_t fmp_bf16_of_f64(double x) { return fmp_bf16_of_f32(fmp_f32_round_odd(x)); }
FMP_KIT_FN uint16_t fmp_f16_of_f64(double x) { return fmp_f16_of_f32(fmp_f32_round_odd(x)); }

#endif
