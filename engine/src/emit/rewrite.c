/* SPDX-License-Identifier: Apache-2.0
 *
 * Pass after pass, until nothing applies. One pass finds what rewrites make for each other; a
 * further one finds what has become possible at places that the pass had been past already. A pass
 * takes time in proportion to the graph and to what is applied. (Planning a chain of 1000, 2000 and
 * 4000 ops, of which each rewrite makes the next one possible, takes 9, 15 and 32 ms; with a pass
 * for each it took 236 ms and more, and gave up after 256.)
 *
 * Rewrites may find no end, if one undoes what another does. So rewriting ends after so many
 * passes, or so many applications: a constant, and a number for each node of the graph as it came.
 * A warning then names the rewrite that would have gone on. What stands by then computes the same
 * as before, and is what is planned. */
#include "emit/rewrite.h"

#include "base/log.h"
#include "base/memory.h"
#include "emit/record.h"
#include "emit/rewrite_pass.h"

enum { MOST_PASSES = 16, MOST_FOR_A_NODE = 8, MOST_ANYWAY = 256 };

/* `graph` is either the thread's trace, which is changed in place, or a reference to a finished
 * graph. */
typedef struct rewriting {
  fmp_graph *graph;
  fmp_tensor *const *x; /* n tensors; values of theirs in the trace stay */
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

/* What a handle of the old graph is to mean: the value that stands for its own now. But that may be
 * a value which another handle means already, or a captured tensor; then it is its own copy, which
 * is still there and computes the same. */
static uint32_t meaning(const fmp__pass *p, uint32_t v)
{
  const uint32_t now = fmp__pass_value(p, v);
  const fmp__value *value = &p->to->values[now];
  const int is_free = value->from != FMP__FROM_CAPTURE && value->tensor->graph == p->to;
  return is_free ? now : p->copies[v];
}

/* The handles that the trace has given out now mean values of the new graph, which has made its own
 * for them. */
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

/* Old and new graph change places, so that the address of the trace stays: the thread, and every
 * handle, points to it. Ordinals stay with the address as well, since later random ops must count
 * on from the old ones. */
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
  fmp__ordinals ordinals = old->ordinals;
  old->ordinals = made->ordinals;
  made->ordinals = ordinals;
  fmp_graph_release(made);
}

/* -- finished graphs ------------------------------------------------------- */

/* The new graph becomes a finished one, as if it had been traced. */
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

/* The pass after the last may apply nothing, but tells whether something would have. */
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
