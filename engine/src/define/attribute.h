/* SPDX-License-Identifier: Apache-2.0
 *
 * Attributes: tables of definitions, checked and copied. All that is done with values of attributes
 * goes through these tables (params.h); nobody but the op itself knows its params struct. */
#ifndef FMP_ATTRIBUTE_H
#define FMP_ATTRIBUTE_H

#include "define/attribute_text.h"
#include "fmp/api.h"
#include "fmp/plugin.h"

enum { FMP__MAX_ATTRS = 1024 };

/* The table of one op or kind of resource. Once fmp__attr_table_copy has succeeded: names are
 * unique and not empty, kinds are known, each field lies aligned inside the struct and has its
 * kind's size, and each default has been parsed and is allowed. It never changes afterwards, so any
 * thread may read it. */
typedef struct fmp__attr_table {
  fmp_attr_def *defs;
  fmp__parsed *defaults; /* by row; parsed once; without a default all zero */
  uint32_t n;
  uint32_t params_size;
} fmp__attr_table;

/* Copies a definition's rows, each attr_size bytes behind the one before, and checks them as said
 * above. The plugin's own table is not looked at again. On failure *table is empty. */
fmp_status fmp__attr_table_copy(const fmp_attr_def *defs, uint32_t n, uint32_t attr_size,
                                uint32_t params_size, fmp__attr_table *table);
void fmp__attr_table_free(fmp__attr_table *table);

/* Row i as callers see it; i is below n. */
fmp_status fmp__attr_describe(const fmp__attr_table *table, uint32_t i, fmp_attr_info *info);

static inline int fmp__attr_is_list(uint32_t kind) { return (kind & FMP_ATTR_LIST) != 0; }
const char *fmp__attr_kind_name(uint32_t kind); /* NULL: no such kind */

#endif
