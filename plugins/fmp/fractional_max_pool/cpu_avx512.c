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

LANE_FN void store(float *y, __m512 value, int lanes)
{
  if (lanes == LANES)
    _mm512_storeu_ps(y, value);
  else
    _mm512_mask_storeu_ps(y, lane_mask(lanes), value);
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

LANE_FN void best_store(const struct best *b, float *y, uint8_t *argmax, int lanes)
{
  store(y, b->value, lanes);
  if (argmax != NULL) store_bytes(argmax, b->tap, lanes);
}

/* -- backward ------------------------------------------------------------------- */

LANE_FN void total_start(struct total *t, int lanes)
{
  (void)lanes;
  t->value = _mm512_setzero_ps();
}

LANE_FN void total_take(struct total *t, const float *dy, const uint8_t *argmax, int tap, int lanes)
{
  const __m128i bytes = load_bytes(argmax, lanes);
  const __mmask16 here = _mm_cmpeq_epi8_mask(bytes, _mm_set1_epi8((char)tap));
  t->value = _mm512_mask_add_ps(t->value, here, t->value, load(dy, lanes));
}

LANE_FN void total_store(const struct total *t, float *dx, int lanes)
{
  store(dx, t->value, lanes);
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
