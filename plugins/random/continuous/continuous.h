/* SPDX-License-Identifier: Apache-2.0
 * What the definitions and the kernels of uniform, normal and truncated_normal share. */
#ifndef FMP_RANDOM_CONTINUOUS_H
#define FMP_RANDOM_CONTINUOUS_H

#include "fmp/kit/check.h"

/* Two numbers of the distribution, called one way or the other. */
typedef struct continuous_params {
  fmp_list shape;
  fmp_list dtype; /* none or one */
  union {
    double low, mean;
  };
  union {
    double high, stddev;
  };
} continuous_params;

fmp_status continuous_add_ref(const fmp_host *h, fmp_registry *r);

#endif
