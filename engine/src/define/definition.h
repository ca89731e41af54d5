/* SPDX-License-Identifier: Apache-2.0
 *
 * Taking over what a plugin defines: of any age, hostile until checked, and copied but for its
 * functions and `data`, which stay good because plugins are never unloaded.
 *
 * X_define(x, def) is given an x that is all zero but for `plugin`; whether it succeeds or not,
 * X_free frees it. After success x does not change any more, but for a backend's devices, as long
 * as the process lives: every thread reads it without a lock. */
#ifndef FMP_DEFINITION_H
#define FMP_DEFINITION_H

#include "define/params.h"
#include "define/schema.h"
#include "fmp/api.h"
#include "fmp/plugin.h"

/* A plugin that was loaded. Kept for the life of the process, since all of its definitions point to
 * it. */
typedef struct fmp__plugin_record {
  char *name, *version, *summary, *path;
  uint32_t abi_major, abi_minor;
  const fmp_host *host; /* the table that its functions are lent; the same for all plugins */
} fmp__plugin_record;

struct fmp_op {
  fmp_op_def def; /* its texts are copies; def.attrs is NULL, the table is below */
  fmp__schema schema;
  fmp__attr_table attrs;
  const fmp__plugin_record *plugin;
  int writes; /* has an input marked '!' */
};

typedef struct fmp__kernel {
  fmp_kernel_def def;
  const fmp__plugin_record *plugin;
} fmp__kernel;

enum { FMP__MAX_DEVICES = 16 };

typedef struct fmp__backend {
  fmp_backend_def def;
  const fmp__plugin_record *plugin;
  fmp_device *devices[FMP__MAX_DEVICES]; /* opened at first use: device.c */
} fmp__backend;

typedef struct fmp__resource_kind {
  fmp_resource_def def;
  fmp__attr_table attrs;
  const fmp__plugin_record *plugin;
} fmp__resource_kind;

enum { FMP__LONGEST_CHAIN = 8 /* ops in the chain of a rewrite */ };

typedef struct fmp__rewrite {
  fmp_rewrite_def def;
  const fmp__plugin_record *plugin;
} fmp__rewrite;

/* -- taking over ----------------------------------------------------------- */

fmp_status fmp__op_define(fmp_op *op, const fmp_op_def *def);
void fmp__op_free(fmp_op *op);

fmp_status fmp__kernel_define(fmp__kernel *k, const fmp_kernel_def *def);
void fmp__kernel_free(fmp__kernel *k);
int fmp__kernel_is_for_any_op(const fmp__kernel *k); /* its op is "*" */

fmp_status fmp__backend_define(fmp__backend *b, const fmp_backend_def *def);
void fmp__backend_free(fmp__backend *b);

fmp_status fmp__resource_kind_define(fmp__resource_kind *k, const fmp_resource_def *def);
void fmp__resource_kind_free(fmp__resource_kind *k);

fmp_status fmp__rewrite_define(fmp__rewrite *w, const fmp_rewrite_def *def);
void fmp__rewrite_free(fmp__rewrite *w);

#endif
