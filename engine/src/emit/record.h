/* SPDX-License-Identifier: Apache-2.0
 * What this thread does with ops: it runs them, and a recording remembers them besides, or a trace
 * only remembers them. Both add them to the thread's graph. */
#ifndef FMP_RECORD_H
#define FMP_RECORD_H

#include "graph/graph.h"

/* The graph that is recorded or traced now; NULL: ops are only run. */
fmp_graph *fmp__graph_now(void);
/* Another one takes its place, until it is put back; returns the one before. References stay with
 * the callers. */
fmp_graph *fmp__graph_swap(fmp_graph *g);
/* From now on ops are added to g, which is the thread's until it is taken. */
void fmp__graph_begin(fmp_graph *g);
/* Ends what is recorded or traced now, whatever is nested in it; the reference goes to the caller.
 * NULL: there is nothing. */
fmp_graph *fmp__graph_take(void);
/* The generator of the draws that ops make now. */
fmp__generator *fmp__generator_now(void);

#endif
