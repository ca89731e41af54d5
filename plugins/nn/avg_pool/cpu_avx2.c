/* SPDX-License-Identifier: Apache-2.0
 * avg_pool with AVX2: 8 channels at once. */
#include "avg_pool.h"

#if FMP_SIMD_X86
#include "../pooling/avx2.h"
#include "simd.inc"

const struct pool_loops avg_pool_avx2 = POOL_LOOPS;
#endif
