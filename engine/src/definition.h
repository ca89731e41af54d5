/* SPDX-License-Identifier: Apache-2.0
 * Taking over what a plugin defines: of any age, hostile until checked, and copied but
 * for its functions. What define() is given is all zero but for `plugin`; after a failure
 * it must still be freed. */
#ifndef FMP_DEFINITION_H
#define FMP_DEFINITION_H

#include "registry.h"

fmp_status fmp__op_define(fmp_op *op, const fmp_op_def *def);
void fmp__op_free(fmp_op *op);

fmp_status fmp__kernel_define(fmp__kernel *k, const fmp_kernel_def *def);
void fmp__kernel_free(fmp__kernel *k);

fmp_status fmp__backend_define(fmp__backend *b, const fmp_backend_def *def);
void fmp__backend_free(fmp__backend *b);

fmp_status fmp__resource_kind_define(fmp__resource_kind *k, const fmp_resource_def *def);
void fmp__resource_kind_free(fmp__resource_kind *k);

fmp_status fmp__rewrite_define(fmp__rewrite *w, const fmp_rewrite_def *def);
void fmp__rewrite_free(fmp__rewrite *w);

#endif
