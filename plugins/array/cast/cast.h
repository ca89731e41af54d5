/* SPDX-License-Identifier: Apache-2.0
 * What the definition and the kernels of cast share. */
#ifndef FMP_ARRAY_CAST_H
#define FMP_ARRAY_CAST_H

#include "../array.h"

typedef struct cast_params {
  uint32_t dtype;
} cast_params;

typedef void (*cast_fn)(void *y, const void *x, int64_t n);

/* The loop over all elements, on all threads; with the reference's function for the types. */
fmp_status cast_run(const fmp_call *call, cast_fn cast);
fmp_status cast_run_ref(const fmp_call *call);

fmp_status cast_add_ref(const fmp_host *h, fmp_registry *r);
fmp_status cast_add_simd(const fmp_host *h, fmp_registry *r);

#endif
