/* SPDX-License-Identifier: Apache-2.0
 * The row functions with AVX2: 8 channels at once. */
#include "fmp/kit/simd.h"
#include "rows.h"

#if FMP_SIMD_X86
#include <immintrin.h>

enum { LANES = 8 };
#define TARGET  FMP_TARGET_AVX2
#define LANE_FN TARGET static inline

struct best {
  __m256 value;
  __m256i tap;
};

struct total {
  __m256 value;
};

/* -- loads and stores of 1 to 8 lanes ------------------------------------------ */

/* All bits set in the first `lanes` lanes. */
LANE_FN __m256i lane_mask(int lanes)
{
  const __m256i number = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(lanes), number);
}

LANE_FN __m256 load(const float *x, int lanes)
{
  return lanes == LANES ? _mm256_loadu_ps(x) : _mm256_maskload_ps(x, lane_mask(lanes));
}

LANE_FN void store(float *y, __m256 value, int lanes, int stream)
{
  if (lanes < LANES)
    _mm256_maskstore_ps(y, lane_mask(lanes), value);
  else if (stream)
    _mm256_stream_ps(y, value);
  else
    _mm256_storeu_ps(y, value);
}

LANE_FN __m256i load_bytes(const uint8_t *bytes, int lanes)
{
  uint64_t word = 0;
  memcpy(&word, bytes, (size_t)lanes);
  return _mm256_cvtepu8_epi32(_mm_cvtsi64_si128((int64_t)word));
}

/* Numbers below 256, narrowed in two steps: none saturates. */
LANE_FN void store_bytes(uint8_t *bytes, __m256i value, int lanes)
{
  const __m128i low = _mm256_castsi256_si128(value), high = _mm256_extracti128_si256(value, 1);
  const __m128i words = _mm_packs_epi32(low, high);
  const int64_t packed = _mm_cvtsi128_si64(_mm_packus_epi16(words, words));
  memcpy(bytes, &packed, (size_t)lanes);
}

/* -- forward -------------------------------------------------------------------- */

LANE_FN void best_start(struct best *b, const float *x, int lanes)
{
  b->value = load(x, lanes);
  b->tap = _mm256_setzero_si256();
}

/* Larger: neither less nor equal, which NaN is too, unless what there is is NaN. */
LANE_FN void best_take(struct best *b, const float *x, int tap, int lanes)
{
  const __m256 value = load(x, lanes);
  const __m256 larger = _mm256_and_ps(_mm256_cmp_ps(value, b->value, _CMP_NLE_UQ),
                                      _mm256_cmp_ps(b->value, b->value, _CMP_ORD_Q));
  b->value = _mm256_blendv_ps(b->value, value, larger);
  b->tap = _mm256_blendv_epi8(b->tap, _mm256_set1_epi32(tap), _mm256_castps_si256(larger));
}

/* POOL_LEAKY: max and min keep their second operand where it is NaN or both are zero. */
LANE_FN __m256 leaky(__m256 value, float slope)
{
  const __m256 zero = _mm256_setzero_ps(), negative = _mm256_min_ps(zero, value);
  return _mm256_add_ps(_mm256_max_ps(zero, value), _mm256_mul_ps(_mm256_set1_ps(slope), negative));
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
  t->value = _mm256_setzero_ps();
}

/* POOL_LEAKY_BACK, but for the sign of zeros: no sum that starts at +0 tells it. */
LANE_FN __m256 passed(const struct back_row *r, int64_t from, int activated, int lanes)
{
  const __m256 dy = load(r->dy + from, lanes);
  if (!activated) return dy;
  const __m256 positive = _mm256_cmp_ps(load(r->y + from, lanes), _mm256_setzero_ps(), _CMP_GT_OQ);
  return _mm256_blendv_ps(_mm256_mul_ps(dy, _mm256_set1_ps(r->slope)), dy, positive);
}

/* A sum that starts at +0 is never -0, so adding 0 where nothing is due changes no bit. */
LANE_FN void total_take(struct total *t, const struct back_row *r, int64_t from, int tap,
                        int activated, int lanes)
{
  const __m256i bytes = load_bytes(r->argmax + from, lanes);
  const __m256i here = _mm256_cmpeq_epi32(bytes, _mm256_set1_epi32(tap));
  const __m256 due = _mm256_and_ps(passed(r, from, activated, lanes), _mm256_castsi256_ps(here));
  t->value = _mm256_add_ps(t->value, due);
}

LANE_FN void total_store(const struct total *t, const struct back_row *r, int64_t at, int lanes)
{
  store(r->dx + at, t->value, lanes, r->stream);
}

#include "rows.inc"

static fmp_status run(const fmp_call *call) { return rows_forward(call, forward_row); }
static fmp_status run_back(const fmp_call *call) { return rows_back(call, back_row); }

fmp_status pool_add_avx2(const fmp_host *h, fmp_registry *r)
{
  return fmp_simd_has(FMP_SIMD_AVX2) ? rows_add(h, r, "avx2", 101, run, run_back) : FMP_OK;
}

#else

fmp_status pool_add_avx2(const fmp_host *h, fmp_registry *r)
{
  (void)h, (void)r;
  return FMP_OK;
}

#endif
