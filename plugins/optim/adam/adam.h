/* SPDX-License-Identifier: Apache-2.0
 * adam.h: what the definitions and the kernels of adam and adam_all share. */
#ifndef FMP_OPTIM_ADAM_H
#define FMP_OPTIM_ADAM_H

#include "fmp/plugin.h"

struct adam_params {
  double beta1, beta2, epsilon, weight_decay;
  int32_t decoupled;
};

enum { ADAM_W, ADAM_M, ADAM_V, ADAM_G, ADAM_GROUP }; /* inputs of each parameter */
enum { ADAM_LR = ADAM_GROUP, ADAM_STEP };            /* of adam, behind them */
enum { ADAM_ALL_LR, ADAM_ALL_STEP, ADAM_ALL_FIRST }; /* of adam_all, before the groups */

/* [load] */
fmp_status adam_register(const fmp_host *h, fmp_registry *r);
fmp_status adam_register_cpu_ref(const fmp_host *h, fmp_registry *r);

#endif
