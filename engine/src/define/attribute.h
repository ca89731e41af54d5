/* SPDX-License-Identifier: Apache-2.0
 * Attributes: tables of definitions, checked and copied. What is done with the values of
 * attributes stands in params.h and goes through these tables. */
#ifndef FMP_ATTRIBUTE_H
#define FMP_ATTRIBUTE_H

#include "define/attribute_text.h"
#include "fmp/plugin.h"

/* The table of one op or resource kind, checked and copied. */
typedef struct fmp__attr_table {
  fmp_attr_def *defs;
  fmp__parsed *fallbacks; /* by row; parsed once, here */
  uint32_t n;
  uint32_t params_size;
} fmp__attr_table;

/* Copies a definition's rows (each attr_size bytes apart) and checks them: known kinds,
 * fields inside the struct and aligned, fallbacks that parse and are allowed. */
fmp_status fmp__attr_table_copy(const fmp_attr_def *defs, uint32_t n, uint32_t attr_size,
                                uint32_t params_size, fmp__attr_table *table);
void fmp__attr_table_free(fmp__attr_table *table);

static inline int fmp__attr_is_list(uint32_t kind) { return (kind & FMP_ATTR_LIST) != 0; }
const char *fmp__attr_kind_name(uint32_t kind); /* NULL: no such kind */

#endif
