/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FMP_NN_MAX_POOL_H
#define FMP_NN_MAX_POOL_H

#include "../pool.h"

enum { MAX_POOL_TAPS = 256 /* argmax is a byte */ };

fmp_status max_pool_register_ref(const fmp_host *h, fmp_registry *r);

#endif
