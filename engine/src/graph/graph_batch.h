/* SPDX-License-Identifier: Apache-2.0
 *
 * Does a graph hold for any batch size, or only for the one that it was traced with? */
#ifndef FMP_GRAPH_BATCH_H
#define FMP_GRAPH_BATCH_H

#include "graph/graph.h"

/* *note: why it holds for one batch size only, borrowed until a caller sets another note; NULL: it
 * holds for any. Found out once for each graph, at the first question. FMP_ENOMEM: it could not
 * be. */
fmp_status fmp__graph_batch(const fmp_graph *g, const char **note);

#endif
