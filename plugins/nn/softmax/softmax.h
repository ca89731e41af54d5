/* SPDX-License-Identifier: Apache-2.0
 * softmax.h: what the definitions and the kernels of the softmaxes share. */
#ifndef FMP_NN_SOFTMAX_H
#define FMP_NN_SOFTMAX_H

#include "fmp/plugin.h"

struct softmax_params {
  int64_t axis; /* counted from 1, or from the end as -1, -2 ... */
};

/* Position of the axis from 0; negative if there is no such axis. */
static inline int64_t softmax_dimension(int64_t axis, uint32_t rank)
{
  return axis < 0 ? axis + (int64_t)rank : axis - 1 < (int64_t)rank ? axis - 1 : -1;
}

/* [load] */
fmp_status softmax_register(const fmp_host *h, fmp_registry *r);
fmp_status softmax_register_cpu_ref(const fmp_host *h, fmp_registry *r);

#endif
