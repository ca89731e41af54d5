/* SPDX-License-Identifier: Apache-2.0
 * Taking over what a plugin defines: of any age, hostile until checked, and copied but
 * for its functions. What define() is given is all zero but for `plugin`; after a failure
 * it must still be freed. */
#ifndef FMP_DEFINITION_H
#define FMP_DEFINITION_H

#include "define/params.h"
#include "define/schema.h"
#include "fmp/api.h"
#include "fmp/plugin.h"

/* A plugin that was loaded. */
typedef struct fmp__plugin_record {
  char *name, *version, *summary, *path;
  uint32_t abi_major, abi_minor;
  const fmp_host *host; /* what its functions are lent */
} fmp__plugin_record;

struct fmp_op {
  fmp_op_def def; /* its texts are copies; `attrs` is NULL: see the table */
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
  fmp_device *devices[FMP__MAX_DEVICES]; /* opened at first use; see device.c */
} fmp__backend;

typedef struct fmp__resource_kind {
  fmp_resource_def def;
  fmp__attr_table attrs;
  const fmp__plugin_record *plugin;
} fmp__resource_kind;

typedef struct fmp__rewrite {
  fmp_rewrite_def def;
  const fmp__plugin_record *plugin;
} fmp__rewrite;

/* -- taking over ----------------------------------------------------------- */

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
