/* SPDX-License-Identifier: Apache-2.0
 *
 * avx2.h: the vectors from which rows.inc and the simd.inc of max_pool and avg_pool are made, with
 * AVX2: 8 channels at once. `lanes` is LANES, or fewer where an image has fewer channels.
 */
#ifndef FMP_NN_POOL_AVX2_H
#define FMP_NN_POOL_AVX2_H

#include <immintrin.h>
#include <string.h>

#include "fmp/kit/simd.h"

enum { LANES = 8 };
#define TARGET  FMP_TARGET_AVX2
#define LANE_FN TARGET static inline __attribute__((always_inline))

typedef __m256 vec;   /* floats, with + - * / */
typedef __m256i taps; /* 0 to 255: an argmax is a byte */
typedef __m256 mask;  /* all bits of a lane, or none */

LANE_FN vec spread(float number) { return _mm256_set1_ps(number); }
LANE_FN taps spread_tap(int64_t tap) { return _mm256_set1_epi32((int)tap); }

LANE_FN __m256i first_lanes(int lanes)
{
  const __m256i number = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(lanes), number);
}

LANE_FN vec load(const float *p, int lanes)
{
  return lanes == LANES ? _mm256_loadu_ps(p) : _mm256_maskload_ps(p, first_lanes(lanes));
}

LANE_FN void store(float *p, vec v, int lanes)
{
  if (lanes == LANES)
    _mm256_storeu_ps(p, v);
  else
    _mm256_maskstore_ps(p, first_lanes(lanes), v);
}

/* v in the last n lanes. */
LANE_FN vec last_or_zero(vec v, int n)
{
  const __m256i others = first_lanes(LANES - n);
  return n == LANES ? v : _mm256_andnot_ps(_mm256_castsi256_ps(others), v);
}

LANE_FN taps load_taps(const uint8_t *bytes) { return _mm256_cvtepu8_epi32(_mm_loadu_si64(bytes)); }

/* Narrowed in two steps, neither of which saturates. */
LANE_FN void store_taps(uint8_t *bytes, taps t, int lanes)
{
  const __m128i low = _mm256_castsi256_si128(t), high = _mm256_extracti128_si256(t, 1);
  const __m128i words = _mm_packs_epi32(low, high);
  const int64_t packed = _mm_cvtsi128_si64(_mm_packus_epi16(words, words));
  memcpy(bytes, &packed, (size_t)lanes);
}

/* Where v is not less than or equal to best, which is so for NaN too, unless best is NaN. */
LANE_FN mask larger(vec v, vec best)
{
  return _mm256_and_ps(_mm256_cmp_ps(v, best, _CMP_NLE_UQ), _mm256_cmp_ps(best, best, _CMP_ORD_Q));
}

LANE_FN mask same_tap(taps t, int64_t tap)
{
  return _mm256_castsi256_ps(_mm256_cmpeq_epi32(t, spread_tap(tap)));
}

/* v where m, else rest. */
LANE_FN vec pick(mask m, vec v, vec rest) { return _mm256_blendv_ps(rest, v, m); }
LANE_FN taps pick_taps(mask m, taps t, taps rest)
{
  return _mm256_blendv_epi8(rest, t, _mm256_castps_si256(m));
}
LANE_FN vec pick_or_zero(mask m, vec v) { return _mm256_and_ps(m, v); }

#endif
