/* SPDX-License-Identifier: Apache-2.0 */
#ifndef INPUT_SOURCE_H
#define INPUT_SOURCE_H

#include "fmp/kit/source.h"

/* A row of the attribute tables of all that take a source. */
#define SOURCE_ROW(type)                                \
  FMP_ATTR(type, source, FMP_ATTR_RESOURCE, NULL, NULL, \
           "a source of examples: record_reader, idx_reader or another")

/* A resource as a source, whichever plugin it comes from, checked and copied. */
fmp_status source_of(const fmp_host *h, const fmp_resource *r, fmp_source_copy *s);

/* Memory that a caller lends a source. */
struct scratch {
  void *block;  /* to be freed */
  void *memory; /* in it, 64-byte aligned; NULL: of no bytes */
};

/* Zero: there is no memory. */
int scratch_make(const fmp_host *h, int64_t bytes, struct scratch *s);

#endif
