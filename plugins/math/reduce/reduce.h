/* SPDX-License-Identifier: Apache-2.0
 * What the files of this family share: attributes, axes, and kernels to register.
 *
 * A set of dimensions is a mask: bit d stands for dimension d + 1. */
#ifndef FMP_MATH_REDUCE_H
#define FMP_MATH_REDUCE_H

#include "fmp/kit/loops.h"
#include "fmp/plugin.h"

typedef struct reduce_params {
  fmp_list axes; /* i64, from 1 or from -1 backwards; none means all */
  int32_t keep;  /* reduced dimensions stay, with size 1 */
} reduce_params;

typedef struct argmax_params {
  int64_t axis;
} argmax_params;

/* -- axes.c ---------------------------------------------------------------- */

/* Fails unless each axis is a dimension of `rank`, none twice. */
fmp_status reduce_check_axes(const fmp_host *h, fmp_list axes, uint32_t rank);
/* The dimensions that checked axes name; all of them if there are none. */
uint32_t reduce_mask(fmp_list axes, uint32_t rank);
/* The dimensions that a call reduces: of its attribute axes, or, of sum_to, along which like
 * would repeat. */
uint32_t reduce_call_mask(const fmp_call *call);
/* A merged loop over those dimensions of x alone; x is its operand 0. */
void reduce_loop(fmp_loop *loop, const fmp_view *x, uint32_t mask);

/* -- gradient.c ------------------------------------------------------------ */

fmp_status reduce_grad_sum(const fmp_gradient_args *args);
fmp_status reduce_grad_mean(const fmp_gradient_args *args);
fmp_status reduce_grad_extreme(const fmp_gradient_args *args);
fmp_status reduce_grad_sum_to(const fmp_gradient_args *args);
fmp_status reduce_grad_broadcast_like(const fmp_gradient_args *args);
fmp_status reduce_grad_mean_back(const fmp_gradient_args *args);

/* -- kernels --------------------------------------------------------------- */

fmp_status reduce_add_ref(const fmp_host *h, fmp_registry *r);    /* cpu_ref.c */
fmp_status reduce_add_loops(const fmp_host *h, fmp_registry *r);  /* cpu_loops.c */
fmp_status reduce_add_argmax(const fmp_host *h, fmp_registry *r); /* cpu_argmax.c */
fmp_status reduce_add_back(const fmp_host *h, fmp_registry *r);   /* cpu_back.c */

#endif
