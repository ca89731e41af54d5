/* SPDX-License-Identifier: Apache-2.0
 * sgd.h: what the definitions and the kernels of sgd and sgd_all share. */
#ifndef FMP_OPTIM_SGD_H
#define FMP_OPTIM_SGD_H

#include "fmp/plugin.h"

struct sgd_params {
  double momentum;
  int32_t nesterov;
  double weight_decay;
};

enum { SGD_W, SGD_M, SGD_G, SGD_GROUP }; /* inputs of each parameter */
enum { SGD_LR = SGD_GROUP };             /* of sgd, behind them */
enum { SGD_ALL_LR, SGD_ALL_FIRST };      /* of sgd_all, before the groups */

/* [load] */
fmp_status sgd_register(const fmp_host *h, fmp_registry *r);
fmp_status sgd_register_cpu_ref(const fmp_host *h, fmp_registry *r);

#endif
