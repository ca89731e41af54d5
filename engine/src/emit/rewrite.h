/* SPDX-License-Identifier: Apache-2.0
 * Applying the rewrites that plugins registered. A rewrite never removes a node: it adds
 * others and redirects readers, and what nobody reads any more is dropped with the dead
 * nodes. So a value that the user still holds stays what it was. */
#ifndef FMP_REWRITE_H
#define FMP_REWRITE_H

#include "graph/graph.h"

/* A finished graph after all rewrites of a phase; *rewritten is g itself, retained, where
 * none matched. */
fmp_status fmp__rewrite_graph(fmp_graph *g, uint32_t phase, fmp_graph **rewritten);
/* The same for the trace of this thread, in place: handles keep their meaning. What the n tensors
 * of x stand for stays between what makes it and what reads it, to be differentiated by. */
fmp_status fmp__rewrite_trace(uint32_t phase, fmp_tensor *const *x, int32_t n);

#endif
