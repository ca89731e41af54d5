/* SPDX-License-Identifier: Apache-2.0
 *
 * Ops that run on the host (FMP_OP_HOST), for tensors of a device that is not: they read files,
 * queues and clocks, and have kernels for the host alone. */
#ifndef FMP_HOST_OP_H
#define FMP_HOST_OP_H

#include "emit/eager.h"

/* Must the op run elsewhere than where its inputs and outputs are? */
int fmp__is_host_op_for(const fmp_op *op, const fmp_device *device);
/* As fmp__eager_run: inputs are copied to the host, outputs to e->device, and what the op has
 * written is copied back. Waits for the inputs. */
fmp_status fmp__host_op_run(const fmp__eager *e, fmp_tensor **out);

#endif
