/* SPDX-License-Identifier: Apache-2.0
 *
 * Applying the rewrites that plugins have registered. A rewrite never removes a node: it adds
 * others and redirects readers, and what nobody reads any more is dropped with the dead nodes when
 * a plan is made. So a value that the user still holds stays what it was, and whether a rewrite
 * applies never depends on who holds what (docs/decisions/rewrites-redirect.md).
 *
 * rewrite_rule.c says whether a chain ends in a node, rewrite_pass.c rewrites a graph once,
 * rewrite.c does so until nothing applies. */
#ifndef FMP_REWRITE_H
#define FMP_REWRITE_H

#include "graph/graph.h"

/* A finished graph after all rewrites of a phase. *rewritten is g itself, retained, if none
 * applied; g stays as it was in any case. */
fmp_status fmp__rewrite_graph(fmp_graph *g, uint32_t phase, fmp_graph **rewritten);
/* The same for the trace of this thread, in place: handles keep their meaning. The values of the n
 * tensors x stay between what makes them and what reads them, since they are to be differentiated
 * by. */
fmp_status fmp__rewrite_trace(uint32_t phase, fmp_tensor *const *x, int32_t n);

#endif
