/* SPDX-License-Identifier: Apache-2.0
 * Pass after pass, until nothing applies. One is enough for what rewrites make for each other; a
 * further one finds what has come free ahead of places that had been looked at.
 *
 * Where rewrites find no end, since one undoes what another does, rewriting ends after so many
 * passes, or so many applications: a number for each node of the graph as it came, and a constant.
 * A warning then names the rewrite that would have gone on. What stands by then is correct, and is
 * what is planned. */
#include "emit/rewrite.h"

#include "base/log.h"
#include "base/memory.h"
#include "emit/record.h"
#include "emit/rewrite_pass.h"

enum { MOST_PASSES = 16, MOST_FOR_A_NODE = 8, MOST_ANYWAY = 256 };

typedef struct rewriting {
  fmp_graph *graph;     /* finished: a reference; else the trace of this thread */
  fmp_tensor *const *x; /* n tensors, of which those that are the trace's stay */
  int32_t n;
  fmp__rules rules;
  fmp__budget budget;
} rewriting;

static void warn_of_end(const fmp__rewrite *refused)
{
  if (!refused) return;
  fmp__log(FMP__LOG_WARNING,
           "rewrite %s (plugin %s) still applies after %d passes or %d rewrites to a node, where "
           "rewriting ends: does another one undo it?",
           refused->def.name, refused->plugin->name, MOST_PASSES, MOST_FOR_A_NODE);
}

/* -- the trace of this thread ---------------------------------------------- */

/* What a handle of the old graph is to mean: the value that stands for its own. That may be one
 * which another handle means already, or a captured tensor; then its own, which is there still and
 * computes the same. */
static uint32_t meaning(const fmp__pass *p, uint32_t v)
{
  const uint32_t now = fmp__pass_value(p, v);
  const fmp__value *value = &p->to->values[now];
  const int is_free = value->from != FMP__FROM_CAPTURE && value->tensor->graph == p->to;
  return is_free ? now : p->copies[v];
}

/* The handles that were given out now mean values of the new graph. */
static void rebind(fmp_graph *old, const fmp__pass *p)
{
  for (uint32_t v = 1; v <= old->n_values; v++) {
    fmp__value *value = &old->values[v];
    if (value->from == FMP__FROM_CAPTURE || !value->tensor || !p->copies[v]) continue;
    const uint32_t meant = meaning(p, v);
    fmp__value *now = &p->to->values[meant];
    value->tensor->value = meant;
    now->tensor->graph = NULL;
    fmp_tensor_release(now->tensor);
    now->tensor = value->tensor;
    value->tensor = NULL;
  }
}

/* Old and new change places, so that the address of the trace stays. */
static void replace_content(fmp_graph *old, const fmp__pass *p)
{
  fmp_graph *made = p->to;
  rebind(old, p);
  for (uint32_t v = 1; v <= made->n_values; v++)
    if (made->values[v].from != FMP__FROM_CAPTURE && made->values[v].tensor)
      made->values[v].tensor->graph = old;
  fmp_graph content = *made;
  *made = *old;
  *old = content;
  fmp__ordinals ordinals = old->ordinals; /* later random ops count on from the old ones */
  old->ordinals = made->ordinals;
  made->ordinals = ordinals;
  fmp_graph_release(made);
}

/* -- finished graphs ------------------------------------------------------- */

static void replace_graph(rewriting *r, fmp_graph *made)
{
  fmp__graph_detach(made, NULL, 0);
  made->tracing = 0;
  fmp_graph_release(r->graph);
  r->graph = made;
}

/* -- both ------------------------------------------------------------------ */

/* *ended: nothing applied, or nothing may any more. */
static fmp_status rewrite_once(rewriting *r, int *ended)
{
  fmp__pass p;
  const fmp_status status = fmp__pass_run(&p, r->graph, &r->rules, &r->budget, r->x, r->n);
  *ended = !p.to || r->budget.refused;
  if (p.to && r->graph->tracing)
    replace_content(r->graph, &p);
  else if (p.to)
    replace_graph(r, p.to);
  fmp__pass_free(&p);
  return status;
}

/* The pass after the last one may apply nothing, but tells whether something would have. */
static fmp_status rewrite_fully(rewriting *r, uint32_t phase)
{
  int ended = 0;
  FMP_TRY(fmp__rules_of(phase, &r->rules));
  r->budget.left = MOST_ANYWAY + (uint64_t)MOST_FOR_A_NODE * r->graph->n_nodes;
  for (int passes = 0; !ended; passes++) {
    if (passes == MOST_PASSES) r->budget.left = 0;
    FMP_TRY(rewrite_once(r, &ended));
  }
  warn_of_end(r->budget.refused);
  return FMP_OK;
}

fmp_status fmp__rewrite_graph(fmp_graph *g, uint32_t phase, fmp_graph **rewritten)
{
  rewriting r = {.graph = g};
  fmp_graph_retain(g);
  const fmp_status status = rewrite_fully(&r, phase);
  fmp__rules_free(&r.rules);
  if (status != FMP_OK) fmp_graph_release(r.graph);
  *rewritten = status == FMP_OK ? r.graph : NULL;
  return status;
}

fmp_status fmp__rewrite_trace(uint32_t phase, fmp_tensor *const *x, int32_t n)
{
  rewriting r = {.graph = fmp__graph_now(), .x = x, .n = n};
  const fmp_status status = rewrite_fully(&r, phase);
  fmp__rules_free(&r.rules);
  return status;
}
