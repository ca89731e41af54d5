/* SPDX-License-Identifier: Apache-2.0
 * What the definition and the kernels of matmul share. */
#ifndef FMP_MATH_MATMUL_H
#define FMP_MATH_MATMUL_H

#include "fmp/kit/check.h"

typedef struct matmul_params {
  int32_t transpose_a, transpose_b;
} matmul_params;

/* batch times  y [m,n] = op(a) [m,k] op(b) [k,n]. An operand of rank 2 serves the whole
 * batch: its batch stride is 0. Strides in elements, of contiguous matrices. */
typedef struct matmul_sizes {
  int64_t batch, m, n, k;
  int64_t a_batch, b_batch;
  int64_t a_columns, b_columns; /* as stored */
} matmul_sizes;

/* Sizes of operands and result that infer has accepted. */
void matmul_measure(const matmul_params *p, const fmp_spec *a, const fmp_spec *b, matmul_sizes *s);

fmp_status matmul_add_ref(const fmp_host *h, fmp_registry *r);
fmp_status matmul_add_openblas(const fmp_host *h, fmp_registry *r);

#endif
