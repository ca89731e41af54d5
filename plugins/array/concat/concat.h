/* SPDX-License-Identifier: Apache-2.0
 * What the definitions and the kernels of concat and concat_back share. */
#ifndef FMP_ARRAY_CONCAT_H
#define FMP_ARRAY_CONCAT_H

#include "../array.h"

typedef struct concat_params {
  int64_t axis;
} concat_params;

typedef struct concat_back_params {
  int64_t axis;
  int64_t index;
} concat_back_params;

/* An axis that infer accepted, as an index from 0. */
static inline uint32_t concat_dimension(int64_t axis, uint32_t rank)
{
  return (uint32_t)(axis > 0 ? axis - 1 : (int64_t)rank + axis);
}

fmp_status concat_add_ref(const fmp_host *h, fmp_registry *r);

#endif
