/* SPDX-License-Identifier: Apache-2.0
 * The row functions with AVX2: 8 channels at once. */
#include "fmp/kit/simd.h"
#include "rows.h"

#if FMP_SIMD_X86
#include <immintrin.h>

enum { LANES = 8 };
#define TARGET FMP_TARGET_AVX2

struct best {
  __m256 value;
  __m256i tap;
};

struct total {
  __m256 value;
};

/* -- loads and stores of 1 to 8 lanes ------------------------------------------ */

/* All bits set in the first `lanes` lanes. */
INLINE __m256i lane_mask(int lanes)
{
  const __m256i number = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(lanes), number);
}

INLINE __m256 load_f32(const float *x, int lanes)
{
  return lanes == LANES ? _mm256_loadu_ps(x) : _mm256_maskload_ps(x, lane_mask(lanes));
}

INLINE void store_f32(float *y, __m256 value, int lanes, int stream)
{
  if (lanes < LANES)
    _mm256_maskstore_ps(y, lane_mask(lanes), value);
  else if (stream)
    _mm256_stream_ps(y, value);
  else
    _mm256_storeu_ps(y, value);
}

INLINE __m256i load_bytes(const uint8_t *bytes, int lanes)
{
  uint64_t word = 0;
  memcpy(&word, bytes, (size_t)lanes);
  return _mm256_cvtepu8_epi32(_mm_cvtsi64_si128((int64_t)word));
}

/* Numbers below 256, narrowed in two steps: none saturates. */
INLINE void store_bytes(uint8_t *bytes, __m256i value, int lanes)
{
  const __m128i low = _mm256_castsi256_si128(value), high = _mm256_extracti128_si256(value, 1);
  const __m128i words = _mm_packs_epi32(low, high);
  const int64_t packed = _mm_cvtsi128_si64(_mm_packus_epi16(words, words));
  memcpy(bytes, &packed, (size_t)lanes);
}

/* -- bf16 ------------------------------------------------------------------------ */

INLINE __m256 load_bf16(const uint16_t *x, int lanes)
{
  __m128i halves = _mm_setzero_si128();
  memcpy(&halves, x, (size_t)lanes * sizeof *x);
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(halves), 16));
}

/* fmp_bf16_of_f32; numbers below 2^16, which narrowing does not saturate. */
INLINE __m128i round_bf16(__m256 value)
{
  const __m256i bits = _mm256_castps_si256(value), upper = _mm256_srli_epi32(bits, 16);
  const __m256i odd = _mm256_and_si256(upper, _mm256_set1_epi32(1));
  const __m256i half = _mm256_add_epi32(odd, _mm256_set1_epi32(0x7FFF));
  const __m256i rounded = _mm256_srli_epi32(_mm256_add_epi32(bits, half), 16);
  const __m256i nan = _mm256_or_si256(upper, _mm256_set1_epi32(0x40));
  const __m256i is_nan = _mm256_castps_si256(_mm256_cmp_ps(value, value, _CMP_UNORD_Q));
  const __m256i result = _mm256_blendv_epi8(rounded, nan, is_nan);
  return _mm_packus_epi32(_mm256_castsi256_si128(result), _mm256_extracti128_si256(result, 1));
}

INLINE void store_bf16(uint16_t *y, __m128i value, int lanes, int stream)
{
  if (lanes == LANES && stream)
    _mm_stream_si128((__m128i *)(void *)y, value);
  else
    memcpy(y, &value, (size_t)lanes * sizeof *y);
}

INLINE __m256 load(const void *data, int64_t i, int low, int lanes)
{
  return low ? load_bf16((const uint16_t *)data + i, lanes)
             : load_f32((const float *)data + i, lanes);
}

INLINE void store(void *data, int64_t i, __m256 value, int low, int lanes, int stream)
{
  if (low)
    store_bf16((uint16_t *)data + i, round_bf16(value), lanes, stream);
  else
    store_f32((float *)data + i, value, lanes, stream);
}

/* -- forward -------------------------------------------------------------------- */

INLINE void best_start(struct best *b, const struct forward_row *r, int64_t from, int low,
                       int lanes)
{
  b->value = load(r->x, from, low, lanes);
  b->tap = _mm256_setzero_si256();
}

/* A value is larger if it is not less or equal, which makes NaN larger than any number, and if
 * the best so far is not NaN. */
INLINE void best_take(struct best *b, const struct forward_row *r, int64_t from, int tap, int low,
                      int lanes)
{
  const __m256 value = load(r->x, from, low, lanes);
  const __m256 larger = _mm256_and_ps(_mm256_cmp_ps(value, b->value, _CMP_NLE_UQ),
                                      _mm256_cmp_ps(b->value, b->value, _CMP_ORD_Q));
  b->value = _mm256_blendv_ps(b->value, value, larger);
  b->tap = _mm256_blendv_epi8(b->tap, _mm256_set1_epi32(tap), _mm256_castps_si256(larger));
}

typedef __m256 vec, flags; /* flags: all bits of a lane, or none */

INLINE vec larger_of(vec v, vec best) { return _mm256_max_ps(v, best); }
INLINE flags unordered(vec a, vec b) { return _mm256_cmp_ps(a, b, _CMP_UNORD_Q); }
INLINE flags either(flags a, flags b) { return _mm256_or_ps(a, b); }
INLINE int is_any(flags f) { return _mm256_movemask_ps(f) != 0; }
INLINE void tap_everywhere(struct best *b, int tap) { b->tap = _mm256_set1_epi32(tap); }

/* Where v is the largest. */
INLINE void tap_where(struct best *b, vec v, vec largest, int tap)
{
  const flags here = _mm256_cmp_ps(v, largest, _CMP_EQ_OQ);
  b->tap = _mm256_blendv_epi8(b->tap, _mm256_set1_epi32(tap), _mm256_castps_si256(here));
}

#include "few.inc"

/* POOL_LEAKY: max and min give their second operand where one is NaN or both are zero. */
INLINE __m256 leaky(__m256 value, float slope)
{
  const __m256 zero = _mm256_setzero_ps(), negative = _mm256_min_ps(zero, value);
  return _mm256_add_ps(_mm256_max_ps(value, zero), _mm256_mul_ps(_mm256_set1_ps(slope), negative));
}

/* POOL_RELU: the sum turns -0 into +0. */
INLINE __m256 rectified(__m256 value)
{
  const __m256 zero = _mm256_setzero_ps();
  return _mm256_add_ps(_mm256_max_ps(zero, value), zero);
}

INLINE __m256 activated_value(__m256 value, float slope)
{
  return slope > 0 ? leaky(value, slope) : rectified(value);
}

INLINE void best_store(const struct best *b, const struct forward_row *r, int64_t at, int low,
                       int lanes)
{
  const __m256 value = r->leaky ? activated_value(b->value, r->slope) : b->value;
  store(r->y, at, value, low, lanes, r->stream);
  if (r->argmax != NULL) store_bytes(r->argmax + at, b->tap, lanes);
}

/* -- backward ------------------------------------------------------------------- */

INLINE void total_start(struct total *t, int lanes)
{
  (void)lanes;
  t->value = _mm256_setzero_ps();
}

/* POOL_LEAKY_BACK except for the sign of zeros, which makes no difference in a sum that starts
 * at +0; or, for a slope of 0, POOL_RELU_BACK, where NaN in y lets dy through. */
INLINE __m256 passed(const struct back_row *r, int64_t from, int activated, int low, int lanes)
{
  const __m256 dy = load(r->dy, from, low, lanes);
  if (!activated) return dy;
  const __m256 y = load(r->y, from, low, lanes), zero = _mm256_setzero_ps();
  if (!(r->slope > 0)) return _mm256_and_ps(dy, _mm256_cmp_ps(y, zero, _CMP_NLE_UQ));
  const __m256 positive = _mm256_cmp_ps(y, zero, _CMP_GT_OQ);
  return _mm256_blendv_ps(_mm256_mul_ps(dy, _mm256_set1_ps(r->slope)), dy, positive);
}

/* A sum that starts at +0 is never -0, so adding 0 where there is nothing to add changes no bit. */
INLINE void total_take(struct total *t, const struct back_row *r, int64_t from, int tap,
                       int activated, int low, int lanes)
{
  const __m256i bytes = load_bytes(r->argmax + from, lanes);
  const __m256i here = _mm256_cmpeq_epi32(bytes, _mm256_set1_epi32(tap));
  const __m256 due =
      _mm256_and_ps(passed(r, from, activated, low, lanes), _mm256_castsi256_ps(here));
  t->value = _mm256_add_ps(t->value, due);
}

INLINE void total_store(const struct total *t, const struct back_row *r, int64_t at, int low,
                        int lanes)
{
  store(r->dx, at, t->value, low, lanes, r->stream);
}

#include "rows.inc"

const struct row_functions rows_avx2 = {forward_row, back_row};

#endif
