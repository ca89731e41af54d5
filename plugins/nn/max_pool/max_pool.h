/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FMP_NN_MAX_POOL_H
#define FMP_NN_MAX_POOL_H

#include "../pool_kernel.h"

enum { MAX_POOL_TAPS = 256 /* argmax is a byte */ };

fmp_status max_pool_register_ref(const fmp_host *h, fmp_registry *r);
/* Each adds nothing where this machine has no such instructions. */
fmp_status max_pool_register_avx2(const fmp_host *h, fmp_registry *r);
fmp_status max_pool_register_avx512(const fmp_host *h, fmp_registry *r);

/* Of the windows whose first row in the image is that row of image n: refuses an argmax that
 * names no pixel. */
fmp_status max_pool_check(const struct pool_job *job, int64_t n, int64_t row);

/* Refuses the argmax at an element of y. */
static inline fmp_status max_pool_refuse(const struct pool_job *job, int64_t n, int64_t i,
                                         int64_t j, int64_t c)
{
  return job->h->fail(FMP_EINVAL,
                      "expected argmax inside of window and image, got %d at [%lld,%lld,%lld,%lld]",
                      job->argmax[pool_y_at(&job->pool, n, i, j) + c], (long long)n, (long long)i,
                      (long long)j, (long long)c);
}

#endif
