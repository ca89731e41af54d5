/* SPDX-License-Identifier: Apache-2.0
 * What the definitions and the kernels of slice and slice_back share. */
#ifndef FMP_ARRAY_SLICE_H
#define FMP_ARRAY_SLICE_H

#include "../array.h"

/* Lists no longer than x's rank; see the attributes for what a missing value means. */
typedef struct slice_params {
  fmp_list start, size, step;
} slice_params;

fmp_status slice_add_ref(const fmp_host *h, fmp_registry *r);

#endif
