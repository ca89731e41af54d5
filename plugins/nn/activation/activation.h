/* SPDX-License-Identifier: Apache-2.0
 * activation.h: what the definitions and the kernels of the activations share. */
#ifndef FMP_NN_ACTIVATION_H
#define FMP_NN_ACTIVATION_H

#include "fmp/kit/simd.h"
#include "fmp/plugin.h"

struct leaky_relu_params {
  double slope; /* 0 or more */
};

/* Each and its gradient; the rectifiers alone. */
enum { ACTIVATIONS = 8, ACTIVATION_RECTIFIERS = 4 };

extern const fmp_kernel_def activation_ref[ACTIVATIONS];
#if FMP_SIMD_X86
extern const fmp_kernel_def activation_simd[]; /* of rectifiers, by sets of instructions */
#endif

/* [load] */
fmp_status activation_register(const fmp_host *h, fmp_registry *r);

#endif
