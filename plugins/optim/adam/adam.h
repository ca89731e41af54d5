/* SPDX-License-Identifier: Apache-2.0
 * adam.h: what the definitions and the kernels of adam and adam_all share. */
#ifndef FMP_OPTIM_ADAM_H
#define FMP_OPTIM_ADAM_H

#include "../scalar.h"

struct adam_params {
  double beta1, beta2, epsilon, weight_decay;
  int32_t decoupled;
};

enum { ADAM_W, ADAM_M, ADAM_V, ADAM_G, ADAM_GROUP }; /* inputs of each parameter */

/* (w, m, v, g, lr, step) */
static const struct optim_inputs adam_one = {
    .group = ADAM_GROUP, .lr = ADAM_GROUP, .step = ADAM_GROUP + 1};
/* (lr, step, w..., m..., v..., g...) */
static const struct optim_inputs adam_many = {
    .group = ADAM_GROUP, .first = 2, .lr = 0, .step = 1, .is_many = 1};

/* [load] */
fmp_status adam_register(const fmp_host *h, fmp_registry *r);
fmp_status adam_register_cpu_ref(const fmp_host *h, fmp_registry *r);

#endif
