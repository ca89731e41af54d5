/* SPDX-License-Identifier: Apache-2.0
 * The params structs of ops and resources, made from attributes. Everything that is done
 * with them (checks, defaults, copies, hashes, comparison, text) goes through the table of
 * definitions; only the op itself sees its struct. */
#ifndef FMP_PARAMS_H
#define FMP_PARAMS_H

#include "define/attribute.h"
#include "base/text.h"

/* A params block: the struct, then its lists and strings, in one allocation. Resources
 * are retained. Never NULL on FMP_OK, even without attributes. */
fmp_status fmp__params_new(const fmp__attr_table *table, const fmp_attr *attrs, uint32_t n,
                           void **params);
/* The same from text values, as saved files have them; texts[i] belongs to names[i]. */
fmp_status fmp__params_from_text(const fmp__attr_table *table, const char *const *names,
                                 const char *const *texts, uint32_t n, void **params);
fmp_status fmp__params_copy(const fmp__attr_table *table, const void *params, void **copy);
void fmp__params_free(const fmp__attr_table *table, void *params);
/* The attribute of that name; its value is borrowed from params. Zero: there is none. */
int fmp__params_get(const fmp__attr_table *table, const void *params, const char *name,
                    fmp_attr *attr);
int fmp__params_equal(const fmp__attr_table *table, const void *a, const void *b);
uint64_t fmp__params_hash(const fmp__attr_table *table, const void *params, uint64_t hash);
int fmp__params_hold_resource(const fmp__attr_table *table);

/* The value of attribute i as text that parses back: "0.333", "[1,1]". */
void fmp__params_value_text(const fmp__attr_table *table, const void *params, uint32_t i,
                            fmp__text *text);
/* "{stride = [2,2], padding = same}": what differs from the fallbacks; "" if nothing. */
void fmp__params_text(const fmp__attr_table *table, const void *params, fmp__text *text);

#endif
