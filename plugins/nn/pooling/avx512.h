/* SPDX-License-Identifier: Apache-2.0
 *
 * avx512.h: avx2.h's functions with AVX-512: 16 channels at once, comparisons into
 * mask registers.
 */
#ifndef FMP_NN_POOL_AVX512_H
#define FMP_NN_POOL_AVX512_H

#include <immintrin.h>

#include "fmp/kit/simd.h"

enum { LANES = 16 };
#define TARGET  FMP_TARGET_AVX512
#define LANE_FN TARGET static inline __attribute__((always_inline))

typedef __m512 vec;
typedef __m512i taps;
typedef __mmask16 mask;

LANE_FN vec spread(float number) { return _mm512_set1_ps(number); }
LANE_FN taps spread_tap(int64_t tap) { return _mm512_set1_epi32((int)tap); }

LANE_FN mask first_lanes(int lanes) { return (mask)((1U << lanes) - 1U); }

LANE_FN vec load(const float *p, int lanes)
{
  return lanes == LANES ? _mm512_loadu_ps(p) : _mm512_maskz_loadu_ps(first_lanes(lanes), p);
}

LANE_FN void store(float *p, vec v, int lanes)
{
  if (lanes == LANES)
    _mm512_storeu_ps(p, v);
  else
    _mm512_mask_storeu_ps(p, first_lanes(lanes), v);
}

LANE_FN vec last_or_zero(vec v, int n)
{
  return n == LANES ? v : _mm512_maskz_mov_ps((mask)~first_lanes(LANES - n), v);
}

LANE_FN taps load_taps(const uint8_t *bytes)
{
  return _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(const void *)bytes));
}

LANE_FN void store_taps(uint8_t *bytes, taps t, int lanes)
{
  if (lanes == LANES)
    _mm_storeu_si128((__m128i *)(void *)bytes, _mm512_cvtepi32_epi8(t));
  else
    _mm512_mask_cvtepi32_storeu_epi8(bytes, first_lanes(lanes), t);
}

LANE_FN mask larger(vec v, vec best)
{
  const mask number = _mm512_cmp_ps_mask(best, best, _CMP_ORD_Q);
  return _mm512_mask_cmp_ps_mask(number, v, best, _CMP_NLE_UQ);
}

LANE_FN mask same_tap(taps t, int64_t tap) { return _mm512_cmpeq_epi32_mask(t, spread_tap(tap)); }

LANE_FN vec pick(mask m, vec v, vec rest) { return _mm512_mask_mov_ps(rest, m, v); }
LANE_FN taps pick_taps(mask m, taps t, taps rest) { return _mm512_mask_mov_epi32(rest, m, t); }
LANE_FN vec pick_or_zero(mask m, vec v) { return _mm512_maskz_mov_ps(m, v); }

#endif
