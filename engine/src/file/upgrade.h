/* SPDX-License-Identifier: Apache-2.0
 *
 * Nodes that an older version of their op has saved: the op itself brings their attributes up to
 * its present table, as texts, before anything else looks at them. */
#ifndef FMP_UPGRADE_H
#define FMP_UPGRADE_H

#include <jansson.h>

#include "define/registry.h"

/* FMP_OK if the op, as it is now, runs what this version of it has saved. */
fmp_status fmp__check_version(const fmp_op *op, int64_t version);
/* *upgraded: the attributes for the op as it is now; a new object, which is the caller's. */
fmp_status fmp__upgrade_attrs(const fmp_op *op, uint32_t version, json_t *attrs, json_t **upgraded);

/* The functions of fmp_host; `saved` is lent for the length of upgrade(). */
const char *fmp__saved_get(fmp_saved *saved, const char *name);
fmp_status fmp__saved_set(fmp_saved *saved, const char *name, const char *text);

#endif
