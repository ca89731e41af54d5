/* SPDX-License-Identifier: Apache-2.0
 * What the files of this family share: gradients and kernels, for op.c to register. */
#ifndef FMP_MATH_ELEMENTWISE_H
#define FMP_MATH_ELEMENTWISE_H

#include "fmp/plugin.h"

typedef fmp_status (*elementwise_gradient)(const fmp_host *h, fmp_builder *b, const void *params);

fmp_status elementwise_grad_add(const fmp_host *h, fmp_builder *b, const void *params);
fmp_status elementwise_grad_sub(const fmp_host *h, fmp_builder *b, const void *params);
fmp_status elementwise_grad_mul(const fmp_host *h, fmp_builder *b, const void *params);
fmp_status elementwise_grad_div(const fmp_host *h, fmp_builder *b, const void *params);
fmp_status elementwise_grad_pow(const fmp_host *h, fmp_builder *b, const void *params);
fmp_status elementwise_grad_maximum(const fmp_host *h, fmp_builder *b, const void *params);
fmp_status elementwise_grad_minimum(const fmp_host *h, fmp_builder *b, const void *params);
fmp_status elementwise_grad_neg(const fmp_host *h, fmp_builder *b, const void *params);
fmp_status elementwise_grad_exp(const fmp_host *h, fmp_builder *b, const void *params);
fmp_status elementwise_grad_log(const fmp_host *h, fmp_builder *b, const void *params);
fmp_status elementwise_grad_sqrt(const fmp_host *h, fmp_builder *b, const void *params);
fmp_status elementwise_grad_abs(const fmp_host *h, fmp_builder *b, const void *params);
fmp_status elementwise_grad_sign(const fmp_host *h, fmp_builder *b, const void *params);
fmp_status elementwise_grad_square(const fmp_host *h, fmp_builder *b, const void *params);
fmp_status elementwise_grad_where(const fmp_host *h, fmp_builder *b, const void *params);
fmp_status elementwise_grad_keep_if(const fmp_host *h, fmp_builder *b, const void *params);
fmp_status elementwise_grad_drop_if(const fmp_host *h, fmp_builder *b, const void *params);

fmp_status elementwise_add_ref(const fmp_host *h, fmp_registry *r);   /* cpu_ref.c */
fmp_status elementwise_add_loops(const fmp_host *h, fmp_registry *r); /* cpu_loops.c */

#endif
