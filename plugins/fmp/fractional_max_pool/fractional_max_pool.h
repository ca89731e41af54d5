/* SPDX-License-Identifier: Apache-2.0
 * What the definitions and the kernels of fractional_max_pool and its gradient share. */
#ifndef FMP_FRACTIONAL_MAX_POOL_H
#define FMP_FRACTIONAL_MAX_POOL_H

#include "windows.h"

/* Inputs by position. */
enum { FORWARD_X, FORWARD_ROWS };
enum { BACK_DY, BACK_ARGMAX, BACK_ROWS, BACK_COLS, BACK_X, BACK_Y };

/* y from the maximum v, and the part of dy that reaches v, for both float types. To the bit what
 * leaky_relu gives: sums of two halves, one of them +0, or for a slope of 0 what relu gives. */
#define POOL_RELU(v)                  ((v) <= 0 ? 0 : (v))
#define POOL_RELU_BACK(dy, y)         ((y) <= 0 ? 0 : (dy))
#define POOL_LEAKY(v, slope)          (((v) > 0 ? (v) : 0) + (slope) * ((v) > 0 ? 0 : (v)))
#define POOL_LEAKY_BACK(dy, y, slope) (((y) > 0 ? (dy) : 0) + (slope) * ((y) > 0 ? 0 : (dy)))

fmp_status pool_add_ref(const fmp_host *h, fmp_registry *r);  /* cpu_ref.c */
fmp_status pool_add_rows(const fmp_host *h, fmp_registry *r); /* rows.c: the fast ones */

size_t pool_scratch_forward(const fmp_kernel_args *args, const void *state);
size_t pool_scratch_back(const fmp_kernel_args *args, const void *state);

#endif
