/* SPDX-License-Identifier: Apache-2.0
 * max_pool with AVX2: 8 channels at once. */
#include "max_pool.h"

#if FMP_SIMD_X86
#include "../pooling/avx2.h"
#include "simd.inc"

const struct pool_loops max_pool_avx2 = POOL_LOOPS;
#endif
