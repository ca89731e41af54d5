/* SPDX-License-Identifier: Apache-2.0
 * activation.h: what the definitions and the kernels of the activations share. */
#ifndef FMP_NN_ACTIVATION_H
#define FMP_NN_ACTIVATION_H

#include "fmp/plugin.h"

struct leaky_relu_params {
  double slope; /* 0 or more */
};

/* [load] */
fmp_status activation_register(const fmp_host *h, fmp_registry *r);
fmp_status activation_register_cpu_ref(const fmp_host *h, fmp_registry *r);
fmp_status activation_register_cpu_simd(const fmp_host *h, fmp_registry *r);

#endif
