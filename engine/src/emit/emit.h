/* SPDX-License-Identifier: Apache-2.0
 *
 * The one way into an op, behind fmp_emit, gradients, rewrites and loaded graphs: whatever holds
 * for one of them (checks, casts, keys, what a failure leaves behind) holds for all. */
#ifndef FMP_EMIT_H
#define FMP_EMIT_H

#include "define/registry.h"
#include "fmp/api.h"

/* As fmp_emit, with a params block that was made already, which it takes over in any case. */
fmp_status fmp__emit(const fmp_op *op, void *params, fmp_tensor *const *in, uint32_t n_in,
                     fmp_tensor **out, uint32_t n_out);

#endif
