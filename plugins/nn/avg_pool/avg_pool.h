/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FMP_NN_AVG_POOL_H
#define FMP_NN_AVG_POOL_H

#include "../pool_kernel.h"

fmp_status avg_pool_register_ref(const fmp_host *h, fmp_registry *r);
/* Each adds nothing where this machine has no such instructions. */
fmp_status avg_pool_register_avx2(const fmp_host *h, fmp_registry *r);
fmp_status avg_pool_register_avx512(const fmp_host *h, fmp_registry *r);

#endif
