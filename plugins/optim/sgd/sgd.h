/* SPDX-License-Identifier: Apache-2.0
 * sgd.h: what the definitions and the kernels of sgd and sgd_all share. */
#ifndef FMP_OPTIM_SGD_H
#define FMP_OPTIM_SGD_H

#include "../scalar.h"

struct sgd_params {
  double momentum;
  int32_t nesterov;
  double weight_decay;
};

enum { SGD_W, SGD_M, SGD_G, SGD_GROUP }; /* inputs of each parameter */

/* (w, m, g, lr) */
static const struct optim_inputs sgd_one = {.group = SGD_GROUP, .lr = SGD_GROUP};
/* (lr, w..., m..., g...) */
static const struct optim_inputs sgd_many = {.group = SGD_GROUP, .first = 1, .lr = 0, .is_many = 1};

/* [load] */
fmp_status sgd_register(const fmp_host *h, fmp_registry *r);
fmp_status sgd_register_cpu_ref(const fmp_host *h, fmp_registry *r);

#endif
