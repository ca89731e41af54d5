/* SPDX-License-Identifier: Apache-2.0
 *
 * Stateful things that plugins open, reference-counted, saved and restored as bytes. What an
 * attribute holds is the handle of define/handle.h. */
#ifndef FMP_RESOURCE_H
#define FMP_RESOURCE_H

#include "fmp/api.h"
#include "fmp/plugin.h"

/* For plugins: the state, if r is a resource of that name or serves an interface of that name; else
 * NULL and a text. */
void *fmp__resource_state(const fmp_resource *r, const char *name);
fmp_status fmp__sink_write(fmp_sink *sink, const void *bytes, size_t n);

#endif
