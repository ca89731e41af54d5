/* SPDX-License-Identifier: Apache-2.0
 * The row functions with AVX-512: 16 channels at once, comparisons into mask registers. */
#include "fmp/kit/simd.h"
#include "rows.h"

#if FMP_SIMD_X86
#include <immintrin.h>

enum { LANES = 16 };
#define TARGET  FMP_TARGET_AVX512
#define LANE_FN TARGET static inline

struct best {
  __m512 value;
  __m128i tap; /* bytes */
};

struct total {
  __m512 value;
};

/* -- loads and stores of 1 to 16 lanes ------------------------------------------ */

LANE_FN __mmask16 lane_mask(int lanes) { return (__mmask16)((1u << lanes) - 1u); }

LANE_FN __m512 load(const float *x, int lanes)
{
  return lanes == LANES ? _mm512_loadu_ps(x) : _mm512_maskz_loadu_ps(lane_mask(lanes), x);
}

LANE_FN void store(float *y, __m512 value, int lanes, int stream)
{
  if (lanes < LANES)
    _mm512_mask_storeu_ps(y, lane_mask(lanes), value);
  else if (stream)
    _mm512_stream_ps(y, value);
  else
    _mm512_storeu_ps(y, value);
}

LANE_FN __m128i load_bytes(const uint8_t *bytes, int lanes)
{
  return lanes == LANES ? _mm_loadu_si128((const __m128i *)(const void *)bytes)
                        : _mm_maskz_loadu_epi8(lane_mask(lanes), bytes);
}

LANE_FN void store_bytes(uint8_t *bytes, __m128i value, int lanes)
{
  if (lanes == LANES)
    _mm_storeu_si128((__m128i *)(void *)bytes, value);
  else
    _mm_mask_storeu_epi8(bytes, lane_mask(lanes), value);
}

/* -- forward -------------------------------------------------------------------- */

LANE_FN void best_start(struct best *b, const float *x, int lanes)
{
  b->value = load(x, lanes);
  b->tap = _mm_setzero_si128();
}

/* Larger: neither less nor equal, which NaN is too, unless what there is is NaN. */
LANE_FN void best_take(struct best *b, const float *x, int tap, int lanes)
{
  const __m512 value = load(x, lanes);
  const __mmask16 number = _mm512_cmp_ps_mask(b->value, b->value, _CMP_ORD_Q);
  const __mmask16 larger = _mm512_mask_cmp_ps_mask(number, value, b->value, _CMP_NLE_UQ);
  b->value = _mm512_mask_mov_ps(b->value, larger, value);
  b->tap = _mm_mask_mov_epi8(b->tap, larger, _mm_set1_epi8((char)tap));
}

/* POOL_LEAKY: max and min keep their second operand where it is NaN or both are zero. */
LANE_FN __m512 leaky(__m512 value, float slope)
{
  const __m512 zero = _mm512_setzero_ps(), negative = _mm512_min_ps(zero, value);
  return _mm512_add_ps(_mm512_max_ps(zero, value), _mm512_mul_ps(_mm512_set1_ps(slope), negative));
}

LANE_FN void best_store(const struct best *b, const struct forward_row *r, int64_t at, int lanes)
{
  store(r->y + at, r->leaky ? leaky(b->value, r->slope) : b->value, lanes, r->stream);
  if (r->argmax != NULL) store_bytes(r->argmax + at, b->tap, lanes);
}

/* -- backward ------------------------------------------------------------------- */

LANE_FN void total_start(struct total *t, int lanes)
{
  (void)lanes;
  t->value = _mm512_setzero_ps();
}

/* POOL_LEAKY_BACK, but for the sign of zeros: no sum that starts at +0 tells it. */
LANE_FN __m512 passed(const struct back_row *r, int64_t from, int activated, int lanes)
{
  const __m512 dy = load(r->dy + from, lanes);
  if (!activated) return dy;
  const __m512 y = load(r->y + from, lanes);
  const __mmask16 positive = _mm512_cmp_ps_mask(y, _mm512_setzero_ps(), _CMP_GT_OQ);
  return _mm512_mask_mov_ps(_mm512_mul_ps(dy, _mm512_set1_ps(r->slope)), positive, dy);
}

LANE_FN void total_take(struct total *t, const struct back_row *r, int64_t from, int tap,
                        int activated, int lanes)
{
  const __m128i bytes = load_bytes(r->argmax + from, lanes);
  const __mmask16 here = _mm_cmpeq_epi8_mask(bytes, _mm_set1_epi8((char)tap));
  t->value = _mm512_mask_add_ps(t->value, here, t->value, passed(r, from, activated, lanes));
}

LANE_FN void total_store(const struct total *t, const struct back_row *r, int64_t at, int lanes)
{
  store(r->dx + at, t->value, lanes, r->stream);
}

#include "rows.inc"

static fmp_status run(const fmp_call *call) { return rows_forward(call, forward_row); }
static fmp_status run_back(const fmp_call *call) { return rows_back(call, back_row); }

fmp_status pool_add_avx512(const fmp_host *h, fmp_registry *r)
{
  return fmp_simd_has(FMP_SIMD_AVX512) ? rows_add(h, r, "avx512", 102, run, run_back) : FMP_OK;
}

#else

fmp_status pool_add_avx512(const fmp_host *h, fmp_registry *r)
{
  (void)h, (void)r;
  return FMP_OK;
}

#endif
