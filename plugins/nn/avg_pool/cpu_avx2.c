/* SPDX-License-Identifier: Apache-2.0
 * avg_pool with AVX2: 8 channels at once. */
#include "avg_pool.h"
#include "fmp/kit/simd.h"

#if FMP_SIMD_X86
#include "../pool_avx2.h"
#include "simd.inc"

fmp_status avg_pool_register_avx2(const fmp_host *h, fmp_registry *r)
{
  return fmp_simd_has(FMP_SIMD_AVX2) ? add(h, r, "avx2", 10) : FMP_OK;
}

#else

fmp_status avg_pool_register_avx2(const fmp_host *h, fmp_registry *r)
{
  (void)h, (void)r;
  return FMP_OK;
}

#endif
