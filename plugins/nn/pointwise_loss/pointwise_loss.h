/* SPDX-License-Identifier: Apache-2.0
 * pointwise_loss.h: what the definitions and the kernels of these losses share. */
#ifndef FMP_NN_POINTWISE_LOSS_H
#define FMP_NN_POINTWISE_LOSS_H

#include "fmp/plugin.h"

/* [load] */
fmp_status pointwise_loss_register(const fmp_host *h, fmp_registry *r);
fmp_status pointwise_loss_register_cpu_ref(const fmp_host *h, fmp_registry *r);

#endif
