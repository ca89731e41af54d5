/* SPDX-License-Identifier: Apache-2.0
 * The transformed-domain kernels with AVX-512: 16 channels at once. */
#include <string.h>

#include "fmp/kit/simd.h"
#include "winograd.h"

#if FMP_SIMD_X86
#include <immintrin.h>

#define TARGET  FMP_TARGET_AVX512
#define LANE_FN TARGET static inline __attribute__((always_inline))

enum { LANES = 16, ROWS = 12 };
typedef __m512 vec;

LANE_FN vec spread(float number) { return _mm512_set1_ps(number); }
LANE_FN vec load(const float *p) { return _mm512_loadu_ps(p); }
LANE_FN void store(float *p, vec v) { _mm512_storeu_ps(p, v); }
LANE_FN void stream(float *p, vec v) { _mm512_stream_ps(p, v); }
LANE_FN void stream_end(void) { _mm_sfence(); }
LANE_FN vec fused(vec a, vec b, vec c) { return _mm512_fmadd_ps(a, b, c); }

LANE_FN __mmask16 first_lanes(int n) { return (__mmask16)((1u << n) - 1u); }

LANE_FN vec load_some(const float *p, int n)
{
  return n == LANES ? load(p) : _mm512_maskz_loadu_ps(first_lanes(n), p);
}

LANE_FN void store_some(float *p, vec v, int n)
{
  if (n == LANES)
    store(p, v);
  else
    _mm512_mask_storeu_ps(p, first_lanes(n), v);
}

LANE_FN vec activate(vec v, vec slope)
{
  const __mmask16 above = _mm512_cmp_ps_mask(v, _mm512_setzero_ps(), _CMP_GT_OQ);
  return _mm512_mask_mov_ps(slope * v, above, v);
}

#include "lanes.inc"

const struct winograd_isa *winograd_avx512(void)
{
  static const struct winograd_isa isa = {
      WINOGRAD_FUNCTIONS,
      .costs =
          {.product = 60,
           .transform = {[1] = 8, [2] = 9, [3] = 10, [4] = 11, [5] = 17},
           .edge = 10,
           .weights = 30,
           .direct = {[CONV_FORWARD] = 1.15, [CONV_BACK_DATA] = 1.2, [CONV_BACK_WEIGHTS] = 1.35},
           .narrow = 4},
      .chain = 64,
      .chain_back_data = 64,
      .exact_back_data = INT64_MAX,
      .exact_back_weights = 120,
      .stream_from = 2 << 20,
  };
  return fmp_simd_has(FMP_SIMD_AVX512) ? &isa : NULL;
}

#else

const struct winograd_isa *winograd_avx512(void) { return NULL; }

#endif
