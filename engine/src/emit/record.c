/* SPDX-License-Identifier: Apache-2.0
 *
 * The thread's graph, recordings, and running ops outside of them. All state is the thread's own.
 * What a thread has begun and not ended is forgotten when the thread ends (FMP__END_RECORDING,
 * before all that graphs hold). */
#include "emit/record.h"

#include "base/status.h"
#include "base/thread.h"
#include "fmp/api.h"

enum { MOST_OUTSIDE = 16 };

/* What is being built. Inside a trace, recordings are counted and do nothing: a function that
 * records behaves the same when it is compiled. */
typedef struct building {
  fmp_graph *graph;
  int32_t depth; /* of nested fmp_record_begin */
} building;

static _Thread_local building now;
static _Thread_local building outside[MOST_OUTSIDE]; /* set aside, the last first to return */
static _Thread_local int32_t n_outside;

/* -- the thread's graph ---------------------------------------------------- */

fmp_graph *fmp__graph_now(void) { return now.graph; }

fmp_graph *fmp__graph_swap(fmp_graph *g)
{
  fmp_graph *before = now.graph;
  now.graph = g;
  return before;
}

fmp_graph *fmp__graph_take(void)
{
  fmp_graph *g = now.graph;
  now = (building){0};
  return g;
}

/* The thread ends: whatever it has begun, on every level, goes with all its values. */
static void end_all(void)
{
  fmp_graph_release(fmp__graph_take());
  while (n_outside > 0) fmp_outside_end();
  fmp_graph_release(fmp__graph_take());
}

void fmp__graph_begin(fmp_graph *g)
{
  fmp__thread_at_end(FMP__END_RECORDING, end_all);
  now = (building){.graph = g};
}

fmp__generator *fmp__generator_now(void)
{
  return now.graph ? &now.graph->generator : fmp__generator_of_thread();
}

/* -- recording ------------------------------------------------------------- */

int32_t fmp_mode(void) { return !now.graph ? 0 : now.graph->tracing ? 2 : 1; }

/* A recording draws by one step of the thread's generator, as a run of a plan does, so that a
 * recorded function and its compiled twin draw the same. It belongs to no device in particular: its
 * ops run where their inputs are. */
static fmp_status begin_recording(void)
{
  fmp_device *device;
  fmp_graph *g;
  fmp__generator *generator = fmp__generator_of_thread();
  FMP_TRY(fmp_device_default(&device));
  FMP_TRY(fmp__graph_new(device, 0, &g));
  g->generator = *generator;
  generator->step++;
  fmp__graph_begin(g);
  return FMP_OK;
}

fmp_status fmp_record_begin(void)
{
  if (!now.graph) FMP_TRY(begin_recording());
  now.depth++;
  return FMP_OK;
}

/* Only the outermost end does something. The graph is detached first, so that the values that are
 * kept outlive it and all others are empty, whoever still holds them. */
void fmp_record_end(fmp_tensor *const *keep, int32_t n)
{
  if (now.depth == 0 || --now.depth > 0 || !now.graph || now.graph->tracing) return;
  fmp__graph_detach(now.graph, keep, n);
  fmp_graph_release(fmp__graph_take());
}

/* -- outside of it --------------------------------------------------------- */

/* For variables that are made on first use: their first values are not part of what is recorded. */
fmp_status fmp_outside_begin(void)
{
  if (n_outside == MOST_OUTSIDE)
    return fmp__fail(FMP_ESTATE, "fmp_outside_begin: nested more than %d deep", MOST_OUTSIDE);
  outside[n_outside++] = now;
  now = (building){0};
  return FMP_OK;
}

void fmp_outside_end(void)
{
  if (n_outside == 0) return;
  fmp_graph_release(fmp__graph_take()); /* begun inside and not ended */
  now = outside[--n_outside];
}
