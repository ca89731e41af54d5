/* SPDX-License-Identifier: Apache-2.0
 * cross_entropy.h: what the definitions and the kernels of the loss share. */
#ifndef FMP_NN_CROSS_ENTROPY_H
#define FMP_NN_CROSS_ENTROPY_H

#include "fmp/plugin.h"

/* Whether labels are classes, one whole number per row, and not probabilities. */
static inline int cross_entropy_classes(uint32_t dtype)
{
  return dtype == FMP_I32 || dtype == FMP_I64;
}

/* [load] */
fmp_status cross_entropy_register(const fmp_host *h, fmp_registry *r);
fmp_status cross_entropy_register_cpu_ref(const fmp_host *h, fmp_registry *r);

#endif
