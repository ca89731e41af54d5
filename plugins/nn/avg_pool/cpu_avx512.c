/* SPDX-License-Identifier: Apache-2.0
 * avg_pool with AVX-512: 16 channels at once. */
#include "avg_pool.h"

#if FMP_SIMD_X86
#include "../pooling/avx512.h"
#include "simd.inc"

const struct pool_loops avg_pool_avx512 = POOL_LOOPS;
#endif
