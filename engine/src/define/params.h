/* SPDX-License-Identifier: Apache-2.0
 *
 * The params structs of ops and resources, made from attributes. Checks, defaults, copies,
 * hashes, comparison and text all go through the table of definitions; only the op itself sees
 * its struct.
 *
 * A params block is one allocation: the struct, and behind it the lists and strings that it points
 * to. What always holds of one, and copies, hashes, kernels and infer functions rely on it:
 * - It has been checked against its table; whatever the table does not name is zero.
 * - No string in it is NULL, and no list's items are, even if the list is empty.
 * - It holds one reference to each of its resources.
 * - It is not changed after it was made. So nodes, plans and calls on any thread may share it; who
 *   owns it (a node, an entry of the eager cache, a resource) frees it. */
#ifndef FMP_PARAMS_H
#define FMP_PARAMS_H

#include "base/text.h"
#include "define/attribute.h"

/* A block from attributes as callers give them. Never NULL on FMP_OK, even without attributes. */
fmp_status fmp__params_new(const fmp__attr_table *table, const fmp_attr *attrs, uint32_t n,
                           void **params);
/* The same from texts, as saved files have them; texts[i] belongs to names[i]. */
fmp_status fmp__params_from_text(const fmp__attr_table *table, const char *const *names,
                                 const char *const *texts, uint32_t n, void **params);
/* A deep copy, independent of the first block. */
fmp_status fmp__params_copy(const fmp__attr_table *table, const void *params, void **copy);
void fmp__params_free(const fmp__attr_table *table, void *params);
/* The attribute of that name, its value borrowed from params. Returns 0 if there is none. */
int fmp__params_get(const fmp__attr_table *table, const void *params, const char *name,
                    fmp_attr *attr);
/* Equal and hashed by bits: -0.0 differs from 0.0, and a NaN equals itself. Two ops that are taken
 * for the same then compute the same bits. Resources are compared by identity. */
int fmp__params_equal(const fmp__attr_table *table, const void *a, const void *b);
uint64_t fmp__params_hash(const fmp__attr_table *table, const void *params, uint64_t hash);
/* Can a block of this table hold a resource? Such ops are neither cached, measured nor saved. */
int fmp__params_hold_resource(const fmp__attr_table *table);

/* Appends the value of attribute i as text that parses back: "0.333", "[1,1]". */
void fmp__params_value_text(const fmp__attr_table *table, const void *params, uint32_t i,
                            fmp__text *text);
/* Appends what differs from the defaults, "{stride = [2,2], padding = same}"; nothing if nothing
 * does. */
void fmp__params_text(const fmp__attr_table *table, const void *params, fmp__text *text);

#endif
