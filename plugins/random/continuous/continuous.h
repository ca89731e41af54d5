/* SPDX-License-Identifier: Apache-2.0
 * What the definitions and the kernels of uniform, normal and truncated_normal share. */
#ifndef FMP_RANDOM_CONTINUOUS_H
#define FMP_RANDOM_CONTINUOUS_H

#include "fmp/kit/check.h"

/* a, b: low and high, or mean and stddev. */
typedef struct continuous_params {
  fmp_list shape;
  fmp_list dtype; /* none or one */
  double a, b;
} continuous_params;

fmp_status continuous_add_ref(const fmp_host *h, fmp_registry *r);

#endif
