/* SPDX-License-Identifier: Apache-2.0
 * avg_pool with AVX-512: 16 channels at once. */
#include "avg_pool.h"
#include "fmp/kit/simd.h"

#if FMP_SIMD_X86
#include "../pool_avx512.h"
#include "simd.inc"

fmp_status avg_pool_register_avx512(const fmp_host *h, fmp_registry *r)
{
  return fmp_simd_has(FMP_SIMD_AVX512) ? add(h, r, "avx512", 20) : FMP_OK;
}

#else

fmp_status avg_pool_register_avx512(const fmp_host *h, fmp_registry *r)
{
  (void)h, (void)r;
  return FMP_OK;
}

#endif
