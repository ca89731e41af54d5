/* SPDX-License-Identifier: Apache-2.0
 * What the definition and the kernels of cast share. */
#ifndef FMP_ARRAY_CAST_H
#define FMP_ARRAY_CAST_H

#include "../array.h"

typedef struct cast_params {
  uint32_t dtype;
} cast_params;

fmp_status cast_add_ref(const fmp_host *h, fmp_registry *r);

#endif
