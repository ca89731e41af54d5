/* SPDX-License-Identifier: Apache-2.0
 *
 * Captures: a list of work with the pointers and arguments that it was noted with. */
#include <stdlib.h>

#include "far.h"

struct far_graph {
  atomic_int references;
  far_work *items;
  size_t n, room;
};

far_graph *far_graph_new(void)
{
  far_graph *g = calloc(1, sizeof *g);
  if (g) atomic_init(&g->references, 1);
  return g;
}

far_graph *far_graph_retain(far_graph *g)
{
  atomic_fetch_add(&g->references, 1);
  return g;
}

void far_graph_release(far_graph *g)
{
  if (!g || atomic_fetch_sub(&g->references, 1) != 1) return;
  for (size_t i = 0; i < g->n; i++) g->items[i].drop(g->items[i].arg);
  free(g->items);
  free(g);
}

fmp_status far_graph_add(far_graph *g, const far_work *work)
{
  if (g->n == g->room) {
    const size_t room = g->room ? 2 * g->room : 16;
    far_work *items = realloc(g->items, room * sizeof *items);
    FMP_REQUIRE(far_host, items != NULL, FMP_ENOMEM, "far: no memory for a graph");
    g->items = items;
    g->room = room;
  }
  g->items[g->n++] = *work;
  return FMP_OK;
}

fmp_status far_graph_run(void *graph)
{
  const far_graph *g = graph;
  for (size_t i = 0; i < g->n; i++) FMP_TRY(g->items[i].fn(g->items[i].arg));
  return FMP_OK;
}
