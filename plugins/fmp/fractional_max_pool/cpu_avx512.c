/* SPDX-License-Identifier: Apache-2.0
 * The row functions with AVX-512: 16 channels at once, comparisons into mask registers. */
#include "fmp/kit/simd.h"
#include "rows.h"

#if FMP_SIMD_X86
#include <immintrin.h>

enum { LANES = 16 };
#define TARGET FMP_TARGET_AVX512

struct best {
  __m512 value;
  __m128i tap; /* bytes */
};

struct total {
  __m512 value;
};

/* -- loads and stores of 1 to 16 lanes ------------------------------------------ */

INLINE __mmask16 lane_mask(int lanes) { return (__mmask16)((1u << lanes) - 1u); }

INLINE __m512 load_f32(const float *x, int lanes)
{
  return lanes == LANES ? _mm512_loadu_ps(x) : _mm512_maskz_loadu_ps(lane_mask(lanes), x);
}

INLINE void store_f32(float *y, __m512 value, int lanes, int stream)
{
  if (lanes < LANES)
    _mm512_mask_storeu_ps(y, lane_mask(lanes), value);
  else if (stream)
    _mm512_stream_ps(y, value);
  else
    _mm512_storeu_ps(y, value);
}

INLINE __m128i load_bytes(const uint8_t *bytes, int lanes)
{
  return lanes == LANES ? _mm_loadu_si128((const __m128i *)(const void *)bytes)
                        : _mm_maskz_loadu_epi8(lane_mask(lanes), bytes);
}

INLINE void store_bytes(uint8_t *bytes, __m128i value, int lanes)
{
  if (lanes == LANES)
    _mm_storeu_si128((__m128i *)(void *)bytes, value);
  else
    _mm_mask_storeu_epi8(bytes, lane_mask(lanes), value);
}

/* -- bf16 ------------------------------------------------------------------------ */

INLINE __m512 load_bf16(const uint16_t *x, int lanes)
{
  const __m256i halves = lanes == LANES ? _mm256_loadu_si256((const __m256i *)(const void *)x)
                                        : _mm256_maskz_loadu_epi16(lane_mask(lanes), x);
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
}

/* fmp_bf16_of_f32 */
INLINE __m256i round_bf16(__m512 value)
{
  const __m512i bits = _mm512_castps_si512(value), upper = _mm512_srli_epi32(bits, 16);
  const __m512i odd = _mm512_and_si512(upper, _mm512_set1_epi32(1));
  const __m512i half = _mm512_add_epi32(odd, _mm512_set1_epi32(0x7FFF));
  const __m512i rounded = _mm512_srli_epi32(_mm512_add_epi32(bits, half), 16);
  const __m512i nan = _mm512_or_si512(upper, _mm512_set1_epi32(0x40));
  const __mmask16 is_nan = _mm512_cmp_ps_mask(value, value, _CMP_UNORD_Q);
  return _mm512_cvtepi32_epi16(_mm512_mask_mov_epi32(rounded, is_nan, nan));
}

INLINE void store_bf16(uint16_t *y, __m256i value, int lanes, int stream)
{
  if (lanes < LANES)
    _mm256_mask_storeu_epi16(y, lane_mask(lanes), value);
  else if (stream)
    _mm256_stream_si256((__m256i *)(void *)y, value);
  else
    _mm256_storeu_si256((__m256i *)(void *)y, value);
}

INLINE __m512 load(const void *data, int64_t i, int low, int lanes)
{
  return low ? load_bf16((const uint16_t *)data + i, lanes)
             : load_f32((const float *)data + i, lanes);
}

INLINE void store(void *data, int64_t i, __m512 value, int low, int lanes, int stream)
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
  b->tap = _mm_setzero_si128();
}

/* A value is larger if it is not less or equal, which makes NaN larger than any number, and if
 * the best so far is not NaN. */
INLINE void best_take(struct best *b, const struct forward_row *r, int64_t from, int tap, int low,
                      int lanes)
{
  const __m512 value = load(r->x, from, low, lanes);
  const __mmask16 number = _mm512_cmp_ps_mask(b->value, b->value, _CMP_ORD_Q);
  const __mmask16 larger = _mm512_mask_cmp_ps_mask(number, value, b->value, _CMP_NLE_UQ);
  b->value = _mm512_mask_mov_ps(b->value, larger, value);
  b->tap = _mm_mask_mov_epi8(b->tap, larger, _mm_set1_epi8((char)tap));
}

typedef __m512 vec;
typedef __mmask16 flags;

INLINE vec larger_of(vec v, vec best) { return _mm512_max_ps(v, best); }
INLINE flags unordered(vec a, vec b) { return _mm512_cmp_ps_mask(a, b, _CMP_UNORD_Q); }
INLINE flags either(flags a, flags b) { return (flags)(a | b); }
INLINE int is_any(flags f) { return f != 0; }
INLINE void tap_everywhere(struct best *b, int tap) { b->tap = _mm_set1_epi8((char)tap); }

/* Where v is the largest. */
INLINE void tap_where(struct best *b, vec v, vec largest, int tap)
{
  const flags here = _mm512_cmp_ps_mask(v, largest, _CMP_EQ_OQ);
  b->tap = _mm_mask_mov_epi8(b->tap, here, _mm_set1_epi8((char)tap));
}

#include "few.inc"

/* POOL_LEAKY: max and min give their second operand where one is NaN or both are zero. */
INLINE __m512 leaky(__m512 value, float slope)
{
  const __m512 zero = _mm512_setzero_ps(), negative = _mm512_min_ps(zero, value);
  return _mm512_add_ps(_mm512_max_ps(value, zero), _mm512_mul_ps(_mm512_set1_ps(slope), negative));
}

/* POOL_RELU: the sum turns -0 into +0. */
INLINE __m512 rectified(__m512 value)
{
  const __m512 zero = _mm512_setzero_ps();
  return _mm512_add_ps(_mm512_max_ps(zero, value), zero);
}

INLINE __m512 activated_value(__m512 value, float slope)
{
  return slope > 0 ? leaky(value, slope) : rectified(value);
}

INLINE void best_store(const struct best *b, const struct forward_row *r, int64_t at, int low,
                       int lanes)
{
  const __m512 value = r->leaky ? activated_value(b->value, r->slope) : b->value;
  store(r->y, at, value, low, lanes, r->stream);
  if (r->argmax != NULL) store_bytes(r->argmax + at, b->tap, lanes);
}

/* -- backward ------------------------------------------------------------------- */

INLINE void total_start(struct total *t, int lanes)
{
  (void)lanes;
  t->value = _mm512_setzero_ps();
}

/* POOL_LEAKY_BACK except for the sign of zeros, which makes no difference in a sum that starts
 * at +0; or, for a slope of 0, POOL_RELU_BACK, where NaN in y lets dy through. */
INLINE __m512 passed(const struct back_row *r, int64_t from, int activated, int low, int lanes)
{
  const __m512 dy = load(r->dy, from, low, lanes);
  if (!activated) return dy;
  const __m512 y = load(r->y, from, low, lanes), zero = _mm512_setzero_ps();
  if (!(r->slope > 0)) return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(y, zero, _CMP_NLE_UQ), dy);
  const __mmask16 positive = _mm512_cmp_ps_mask(y, zero, _CMP_GT_OQ);
  return _mm512_mask_mov_ps(_mm512_mul_ps(dy, _mm512_set1_ps(r->slope)), positive, dy);
}

/* Forces the value into a register. A compiler would merge the load into the masked addition,
 * and processors wait for the mask before such a load, some very long (Zen 5: twice the time). */
INLINE __m512 loaded(__m512 value)
{
  __asm__("" : "+v"(value));
  return value;
}

INLINE void total_take(struct total *t, const struct back_row *r, int64_t from, int tap,
                       int activated, int low, int lanes)
{
  const __m128i bytes = load_bytes(r->argmax + from, lanes);
  const __mmask16 here = _mm_cmpeq_epi8_mask(bytes, _mm_set1_epi8((char)tap));
  const __m512 given = loaded(passed(r, from, activated, low, lanes));
  t->value = _mm512_mask_add_ps(t->value, here, t->value, given);
}

INLINE void total_store(const struct total *t, const struct back_row *r, int64_t at, int low,
                        int lanes)
{
  store(r->dx, at, t->value, low, lanes, r->stream);
}

#include "rows.inc"

const struct row_functions rows_avx512 = {forward_row, back_row};

#endif
