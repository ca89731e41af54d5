/* SPDX-License-Identifier: Apache-2.0
 *
 * rows.h: what the fast kernels, f32 and bf16, have in common. Each instruction set brings
 * two functions, for one row of the output and for one row of the input's gradient; cutting
 * images into rows and rows into stretches for threads is done here once. bf16 is computed in
 * f32: the maximum is exact, a gradient is summed in f32 and rounded once.
 *
 * Backward gathers: a pixel's gradient is summed over the windows that hold it, in their
 * order, and written once. Nothing is cleared first, and no two threads write the same place.
 */
#ifndef FMP_POOL_ROWS_H
#define FMP_POOL_ROWS_H

#include "fractional_max_pool.h"

/* One row of y, its windows all `height` pixels high. */
struct forward_row {
  const void *x; /* the first of those rows, at column 0 */
  void *y;
  uint8_t *argmax;             /* NULL: not wanted */
  const int32_t *start, *size; /* along the row */
  int64_t windows, c, pitch;   /* pitch: elements from one row of x to the next */
  int64_t height;
  int64_t fresh; /* its last rows of x, to be prefetched; 0: none */
  float slope;
  int leaky;  /* slope is not 1 */
  int low;    /* elements are bf16, not f32 */
  int stream; /* y past the caches: it and each of its pixels are aligned to 64 bytes */
};

/* One row of dx, at row `row` of the image, which `rows` rows of windows hold. */
struct back_row {
  void *dx;
  const void *dy;           /* the first of those rows, at column 0 */
  const void *y;            /* likewise; NULL where slope is 1 */
  const uint8_t *argmax;    /* likewise */
  const int32_t *row_start; /* of each of those rows: the row of x that it starts at */
  struct windows columns;
  int64_t pixels, c, pitch; /* pitch: elements from one row of dy to the next */
  int64_t row, rows;
  float slope;
  int low, stream; /* likewise */
};

/* One instruction set. */
struct row_functions {
  void (*forward)(const struct forward_row *r);
  void (*back)(const struct back_row *r);
};

extern const struct row_functions rows_plain, rows_avx2, rows_avx512; /* cpu_*.c */

static inline int64_t element_bytes(int low)
{
  return low ? (int64_t)sizeof(uint16_t) : (int64_t)sizeof(float);
}

/* Windows of up to FEW x FEW pixels are all that ratios up to 2 have. */
enum { FEW = 3 };
#define UNROLL_FEW _Pragma("GCC unroll 9")

/* For the row functions and what they call: arguments that are constants must stay so. */
#define INLINE static inline __attribute__((always_inline)) TARGET

#endif
