/* SPDX-License-Identifier: Apache-2.0
 * Does a graph hold for any batch size, or only for the one it was traced with? */
#ifndef FMP_GRAPH_BATCH_H
#define FMP_GRAPH_BATCH_H

#include "graph/graph.h"

/* *note: why it holds for one batch size only, borrowed until it is set anew; NULL: it
 * is open. Found out once per graph. FMP_ENOMEM: not found out. */
fmp_status fmp__graph_batch(const fmp_graph *g, const char **note);

#endif
