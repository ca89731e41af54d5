/* SPDX-License-Identifier: Apache-2.0
 * max_pool with AVX-512: 16 channels at once. */
#include "max_pool.h"

#if FMP_SIMD_X86
#include "../pooling/avx512.h"
#include "simd.inc"

const struct pool_loops max_pool_avx512 = POOL_LOOPS;
#endif
