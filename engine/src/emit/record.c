/* SPDX-License-Identifier: Apache-2.0 */
#include "emit/record.h"

#include "base/status.h"
#include "base/thread.h"
#include "fmp/api.h"

enum { MOST_OUTSIDE = 16 };

/* Inside of a trace, recordings are counted and do nothing. */
typedef struct building {
  fmp_graph *graph;
  int32_t depth; /* nested fmp_record_begin */
} building;

static _Thread_local building now;
static _Thread_local building outside[MOST_OUTSIDE]; /* set aside, the last one first to return */
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

/* A recording draws by one step of the thread's generator. */
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

void fmp_record_end(fmp_tensor *const *keep, int32_t n)
{
  if (now.depth == 0 || --now.depth > 0 || !now.graph || now.graph->tracing) return;
  fmp__graph_detach(now.graph, keep, n);
  fmp_graph_release(fmp__graph_take());
}

/* -- outside of it --------------------------------------------------------- */

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
