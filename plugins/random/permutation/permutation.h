/* SPDX-License-Identifier: Apache-2.0
 * What the definition and the kernel of permutation share. */
#ifndef FMP_RANDOM_PERMUTATION_H
#define FMP_RANDOM_PERMUTATION_H

#include "fmp/plugin.h"

typedef struct permutation_params {
  int64_t n;
} permutation_params;

fmp_status permutation_add_ref(const fmp_host *h, fmp_registry *r);

#endif
