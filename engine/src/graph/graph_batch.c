/* SPDX-License-Identifier: Apache-2.0
 *
 * A trace is made for one batch size, and most of what is traced does not depend on it. Whether it
 * does is found out by trial: the first dimension of the inputs grows by one, shapes are inferred
 * anew, and every output that had the batch in front must have the larger one in front now. Nothing
 * is run.
 *
 * The batch is whatever stands first in the first input that has a dimension; other inputs that
 * begin with the same number are taken to have it too. That can be wrong (10 images, and a table of
 * 10 rows); then the trial fails, and the graph is taken for fixed, which is always safe. */
#include "graph/graph_batch.h"

#include <inttypes.h>
#include <string.h>

#include "base/locks.h"
#include "base/memory.h"
#include "base/text.h"
#include "define/spec.h"
#include "fmp/api.h"
#include "kernel/kernel.h"

/* One trial: what becomes of the specs when the batch grows by one. */
typedef struct trial {
  const fmp_graph *graph;
  int64_t batch;   /* as traced */
  fmp_spec *specs; /* by value of the graph: as they become with the larger batch */
  fmp_spec *args;  /* of the node at hand: inputs, then outputs */
} trial;

static int begins_with(const fmp_spec *spec, int64_t n)
{
  return spec->rank > 0 && spec->shape[0] == n;
}

/* The first dimension of the first input that has one; 0: no input has. */
static int find_batch(const fmp_graph *g, int64_t *batch)
{
  for (uint32_t i = 1; i <= g->n_inputs; i++)
    if (g->values[i].spec.rank > 0) {
      *batch = g->values[i].spec.shape[0];
      return 1;
    }
  return 0;
}

static fmp_status start_trial(trial *t)
{
  const fmp_graph *g = t->graph;
  uint32_t most = 0;
  for (uint32_t k = 0; k < g->n_nodes; k++)
    if (g->nodes[k].n_in + g->nodes[k].n_out > most) most = g->nodes[k].n_in + g->nodes[k].n_out;
  t->specs = fmp__alloc_zeroed(g->n_values + 1, sizeof *t->specs);
  t->args = fmp__alloc_zeroed(most + 1, sizeof *t->args);
  if (!t->specs || !t->args) return fmp__no_memory("a graph's batch size");
  for (uint32_t v = 1; v <= g->n_values; v++) {
    t->specs[v] = g->values[v].spec;
    if (v <= g->n_inputs && begins_with(&t->specs[v], t->batch)) t->specs[v].shape[0]++;
  }
  return FMP_OK;
}

/* A batch at the limit of what a spec may be cannot grow. */
static fmp_status check_inputs(const trial *t)
{
  for (uint32_t i = 1; i <= t->graph->n_inputs; i++) {
    const fmp_status status = fmp__spec_check(&t->specs[i]);
    if (status != FMP_OK) return fmp__fail_in(status, "input %u", i);
  }
  return FMP_OK;
}

/* Captures and constants keep their specs. Failures are the op's own words, behind scope and
 * name. */
static fmp_status try_node(trial *t, const fmp__node *node)
{
  fmp_spec *out = t->args + node->n_in;
  for (uint32_t i = 0; i < node->n_in; i++) t->args[i] = t->specs[node->in[i]];
  const fmp__work work = {.op = node->op,
                          .params = node->params,
                          .device = t->graph->device,
                          .in = t->args,
                          .out = out,
                          .n_in = node->n_in,
                          .n_out = node->n_out};
  fmp__error_clear();
  const fmp_status status = fmp__infer(&work);
  if (status != FMP_OK)
    return fmp__fail_in(status, "%s%s%s", node->scope, *node->scope ? ": " : "",
                        node->op->def.name);
  for (uint32_t i = 0; i < node->n_out; i++)
    if (node->out[i]) t->specs[node->out[i]] = out[i];
  return FMP_OK;
}

/* That all nodes could be inferred is not enough: a reshape to a traced size, say, gives the old
 * size from the new batch if something else absorbs the difference. */
static fmp_status check_outputs(const trial *t)
{
  char before[FMP_SPEC_TEXT], now[FMP_SPEC_TEXT];
  for (uint32_t i = 0; i < t->graph->n_outputs; i++) {
    const uint32_t v = t->graph->outputs[i];
    const fmp_spec *traced = &t->graph->values[v].spec;
    if (begins_with(traced, t->batch) && !begins_with(&t->specs[v], t->batch + 1))
      return fmp__fail(FMP_ESHAPE,
                       "output %u is %s, and %s if the batch has %" PRId64 " instead of %" PRId64,
                       i + 1, fmp_spec_text(traced, before), fmp_spec_text(&t->specs[v], now),
                       t->batch + 1, t->batch);
  }
  return FMP_OK;
}

/* Fails, with the reason as text, if the graph does not follow. */
static fmp_status try_batch(trial *t)
{
  FMP_TRY(start_trial(t));
  FMP_TRY(check_inputs(t));
  for (uint32_t k = 0; k < t->graph->n_nodes; k++) FMP_TRY(try_node(t, &t->graph->nodes[k]));
  return check_outputs(t);
}

/* No input with a dimension: nothing can depend on it. The reason stands in the thread's text; only
 * a lack of memory is a failure of ours. */
static fmp_status find_out(fmp_graph *g)
{
  trial t = {.graph = g};
  if (!find_batch(g, &t.batch)) return FMP_OK;
  const fmp_status status = try_batch(&t);
  fmp__free(t.specs);
  fmp__free(t.args);
  if (status == FMP_OK || status == FMP_ENOMEM) return status;
  g->batch_note = fmp__copy_text(fmp_last_error());
  return g->batch_note ? FMP_OK : fmp__no_memory("a graph's batch note");
}

/* A graph is const to those who share it, but finds this out about itself at the first question.
 * One lock serves all graphs: the question is asked rarely, when a graph is saved or a caller wants
 * to know. A note that a caller has set is not questioned. */
fmp_status fmp__graph_batch(const fmp_graph *shared, const char **note)
{
  fmp_graph *g = (fmp_graph *)shared;
  char text[FMP__ERROR_TEXT];
  fmp_status status = FMP_OK;
  fmp__lock(FMP__LOCK_BATCHES);
  if (!g->batch_checked && !g->batch_note) {
    fmp__error_keep(text);
    status = find_out(g);
    if (status == FMP_OK) fmp__error_restore(text);
  }
  if (status == FMP_OK) g->batch_checked = 1;
  *note = g->batch_note;
  fmp__unlock(FMP__LOCK_BATCHES);
  return status;
}

const char *fmp_graph_batch_note(const fmp_graph *g)
{
  const char *note;
  if (!g) return NULL;
  if (fmp__graph_batch(g, &note) == FMP_OK) return note;
  return "out of memory while finding out whether it depends on the batch size";
}

fmp_status fmp_graph_set_batch_note(fmp_graph *g, const char *why)
{
  FMP_TRY(fmp__require(g, "a graph"));
  if (!why || !*why)
    return fmp__fail(FMP_EINVAL, "expected why the graph depends on its batch size");
  char *copy = fmp__copy_text(why);
  if (!copy) return fmp__no_memory("a graph's batch note");
  fmp__lock(FMP__LOCK_BATCHES);
  fmp__free(g->batch_note);
  g->batch_note = copy;
  g->batch_checked = 1;
  fmp__unlock(FMP__LOCK_BATCHES);
  return FMP_OK;
}
