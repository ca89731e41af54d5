/* SPDX-License-Identifier: Apache-2.0
 *
 * What plugins have registered: ops, kernels, backends, resources, rewrites, each in order of
 * registration.
 *
 * A plugin fills a staging registry, which is committed whole or not at all. What has been
 * committed is never changed or removed, so pointers to it stay good for the life of the process
 * and are read without a lock; the lists that hold them grow, so they are read under one. */
#ifndef FMP_REGISTRY_H
#define FMP_REGISTRY_H

#include "define/definition.h"

/* -- staging (one thread at a time) ---------------------------------------- */

fmp_status fmp__staging_new(const fmp__plugin_record *plugin, fmp_registry **r);
void fmp__staging_free(fmp_registry *r);
/* Calls the plugin's load(), during which definitions can be added. */
fmp_status fmp__staging_fill(fmp_registry *r, const fmp_plugin *entry);
/* Registers all of it or nothing. FMP_ENOTFOUND: a gradient names an op that no plugin has brought
 * (yet): the staging stays as it was, and can be tried again. FMP_OK empties it. */
fmp_status fmp__staging_commit(fmp_registry *r);

fmp_status fmp__add_op(fmp_registry *r, const fmp_op_def *def);
fmp_status fmp__add_kernel(fmp_registry *r, const fmp_kernel_def *def);
fmp_status fmp__add_backend(fmp_registry *r, const fmp_backend_def *def);
fmp_status fmp__add_resource(fmp_registry *r, const fmp_resource_def *def);
fmp_status fmp__add_rewrite(fmp_registry *r, const fmp_rewrite_def *def);

/* For fmp_shutdown: forgets all that is registered. Nothing may point to it any more. */
void fmp__registry_free(void);

/* -- asking [any-thread] --------------------------------------------------- */

/* The op whose name is the first n letters; NULL: there is none. For words of a longer text. */
const fmp_op *fmp__op_named(const char *name, size_t n);
/* The op that has claimed this role; NULL: none has. */
const fmp_op *fmp__role_op(uint32_t role);
/* The same, or FMP_EUNSUPPORTED saying which ability no plugin has brought. */
fmp_status fmp__role_require(uint32_t role, const fmp_op **op);
fmp_status fmp__resource_kind_find(const char *name, const fmp__resource_kind **kind);
const fmp__resource_kind *fmp__resource_kind_at(uint32_t i); /* NULL beyond the last */
/* NULL beyond the last. */
fmp__backend *fmp__backend_at(uint32_t i);
const fmp__kernel *fmp__kernel_at(uint32_t i);
const fmp__rewrite *fmp__rewrite_at(uint32_t i);

#endif
