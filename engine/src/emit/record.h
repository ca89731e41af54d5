/* SPDX-License-Identifier: Apache-2.0
 *
 * What this thread does with ops: it runs them; or a recording remembers them besides; or a trace
 * only remembers them. Recording and tracing both add to the thread's graph, of which there is one
 * at a time. */
#ifndef FMP_RECORD_H
#define FMP_RECORD_H

#include "graph/graph.h"

/* The graph that is recorded or traced now; NULL: ops are only run. */
fmp_graph *fmp__graph_now(void);
/* Another graph takes its place until it is put back; returns the one before. References stay with
 * the callers. */
fmp_graph *fmp__graph_swap(fmp_graph *g);
/* From now on ops are added to g; the reference becomes the thread's until it is taken. */
void fmp__graph_begin(fmp_graph *g);
/* Ends what is recorded or traced, whatever is nested in it; the reference is the caller's. NULL:
 * nothing. */
fmp_graph *fmp__graph_take(void);
/* What draws use now: the recording's seed and step, or the thread's. */
fmp__generator *fmp__generator_now(void);

#endif
