/* SPDX-License-Identifier: Apache-2.0
 * The library OpenBLAS, opened when it is first asked for, never linked. */
#ifndef FMP_MATH_OPENBLAS_H
#define FMP_MATH_OPENBLAS_H

#include "fmp/plugin.h"

/* CBLAS, as far as it is used. */
enum { OPENBLAS_ROW_MAJOR = 101, OPENBLAS_AS_IS = 111, OPENBLAS_TRANSPOSED = 112 };

typedef void (*openblas_sgemm)(int order, int transpose_a, int transpose_b, int m, int n, int k,
                               float alpha, const float *a, int lda, const float *b, int ldb,
                               float beta, float *c, int ldc);
typedef void (*openblas_dgemm)(int order, int transpose_a, int transpose_b, int m, int n, int k,
                               double alpha, const double *a, int lda, const double *b, int ldb,
                               double beta, double *c, int ldc);

typedef struct openblas {
  openblas_sgemm sgemm;
  openblas_dgemm dgemm;
} openblas;

/* [load] Keeps h. Names the processor, through the environment, to a library that would not
 * recognise it: now, when no other thread reads the environment yet. */
void openblas_setup(const fmp_host *h);

/* [any-thread] NULL if there is no such library, or no room for its buffers on that many threads.
 * Opens it once per process. */
const openblas *openblas_open(int threads);

#endif
