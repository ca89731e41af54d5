/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FMP_NN_AVG_POOL_H
#define FMP_NN_AVG_POOL_H

#include "../pooling/kernel.h"

extern const struct pool_loops avg_pool_ref;
#if FMP_SIMD_X86
extern const struct pool_loops avg_pool_avx2, avg_pool_avx512;
#endif

#endif
