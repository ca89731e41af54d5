/* SPDX-License-Identifier: Apache-2.0
 * What the files of this family share: gradients and kernels, for op.c to register. */
#ifndef FMP_MATH_ELEMENTWISE_H
#define FMP_MATH_ELEMENTWISE_H

#include "fmp/plugin.h"

/* An op's data. */
typedef struct elementwise_op {
  uint64_t dtypes;    /* of what is computed with; a condition is u8 */
  const char *wanted; /* the same in words */
  int compares;       /* y is u8 */
  /* For elementwise_grad_choice: the comparison that is true where b was chosen. */
  const char *second;
  /* For elementwise_grad_slope: dx = by(dy, s), where s is v, of(v) or of(v, v), and v the input
   * or the output. */
  const char *by, *of;
  uint32_t n_of;
  int of_output;
} elementwise_op;

fmp_status elementwise_grad_add(const fmp_gradient_args *args);
fmp_status elementwise_grad_sub(const fmp_gradient_args *args);
fmp_status elementwise_grad_mul(const fmp_gradient_args *args);
fmp_status elementwise_grad_div(const fmp_gradient_args *args);
fmp_status elementwise_grad_pow(const fmp_gradient_args *args);
fmp_status elementwise_grad_choice(const fmp_gradient_args *args);
fmp_status elementwise_grad_neg(const fmp_gradient_args *args);
fmp_status elementwise_grad_slope(const fmp_gradient_args *args);
fmp_status elementwise_grad_sign(const fmp_gradient_args *args);
fmp_status elementwise_grad_where(const fmp_gradient_args *args);
fmp_status elementwise_grad_mask(const fmp_gradient_args *args);

fmp_status elementwise_add_ref(const fmp_host *h, fmp_registry *r);   /* cpu_ref.c */
fmp_status elementwise_add_loops(const fmp_host *h, fmp_registry *r); /* cpu_loops.c */

#endif
