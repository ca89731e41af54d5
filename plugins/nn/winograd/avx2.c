/* SPDX-License-Identifier: Apache-2.0
 * The transformed-domain kernels with AVX2 and fused multiply-add: 8 channels at once. */
#include <string.h>

#include "fmp/kit/simd.h"
#include "winograd.h"

#if FMP_SIMD_X86
#include <immintrin.h>

#define TARGET  __attribute__((target("avx2,fma")))
#define LANE_FN TARGET static inline __attribute__((always_inline))

enum { LANES = 8, ROWS = 6 };
typedef __m256 vec;

LANE_FN vec spread(float number) { return _mm256_set1_ps(number); }
LANE_FN vec load(const float *p) { return _mm256_loadu_ps(p); }
LANE_FN void store(float *p, vec v) { _mm256_storeu_ps(p, v); }
/* Stores past the caches were slower here. */
LANE_FN void stream(float *p, vec v) { store(p, v); }
LANE_FN void stream_end(void) {}
LANE_FN vec fused(vec a, vec b, vec c) { return _mm256_fmadd_ps(a, b, c); }

LANE_FN __m256i first_lanes(int n)
{
  const __m256i number = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), number);
}

LANE_FN vec load_some(const float *p, int n)
{
  return n == LANES ? load(p) : _mm256_maskload_ps(p, first_lanes(n));
}

LANE_FN void store_some(float *p, vec v, int n)
{
  if (n == LANES)
    store(p, v);
  else
    _mm256_maskstore_ps(p, first_lanes(n), v);
}

LANE_FN vec activate(vec v, vec slope)
{
  const vec above = _mm256_cmp_ps(v, _mm256_setzero_ps(), _CMP_GT_OQ);
  return _mm256_blendv_ps(slope * v, v, above);
}

#include "lanes.inc"

const struct winograd_isa *winograd_avx2(void)
{
  static const struct winograd_isa isa = {
      WINOGRAD_FUNCTIONS,
      .costs = {.product = 40,
                .transform = {[1] = 4, [2] = 5.3, [3] = 6, [4] = 8.4, [5] = 9.3},
                .fetch = 2,
                .weights = 12,
                .direct = {1.25, 1.25, 1.25}},
      .chain = 16,
      /* By data, oneDNN's direct kernels add up few numbers at a time, fewer in wider images,
       * where they err less than F3. */
      .chain_back_data = 12,
      .exact_back_data = 40,
      .exact_back_weights = 9,
      .stream_from = INT64_MAX,
  };
  return fmp_simd_has(FMP_SIMD_AVX2) && __builtin_cpu_supports("fma") ? &isa : NULL;
}

#else

const struct winograd_isa *winograd_avx2(void) { return NULL; }

#endif
