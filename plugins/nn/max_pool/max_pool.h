/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FMP_NN_MAX_POOL_H
#define FMP_NN_MAX_POOL_H

#include "../pooling/kernel.h"

enum { MAX_POOL_TAPS = 256 /* argmax is a byte */ };

extern const struct pool_loops max_pool_ref;
#if FMP_SIMD_X86
extern const struct pool_loops max_pool_avx2, max_pool_avx512;
#endif

/* Refuses an argmax that names no pixel, of the windows whose first row in image n is this one. */
fmp_status max_pool_check(const struct pool_job *job, int64_t n, int64_t row);

/* Refuses the argmax at an element of y. */
static inline fmp_status max_pool_refuse(const struct pool_job *job, int64_t n, int64_t i,
                                         int64_t j, int64_t c)
{
  return job->h->fail(
      FMP_EINVAL,
      "expected argmax inside the window and the image, got %d at [%lld,%lld,%lld,%lld]",
      job->argmax[pool_y_at(&job->pool, n, i, j) + c], (long long)n, (long long)i, (long long)j,
      (long long)c);
}

#endif
