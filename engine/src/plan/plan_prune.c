/* SPDX-License-Identifier: Apache-2.0
 *
 * Common and dead nodes. What of a graph a plan will run is decided here, before anything is laid
 * out; the graph itself stays as it is, since plans share it.
 *
 * What holds of the result, and plan.c relies on: same[v] is v or a smaller value that holds the
 * same, and same[same[v]] is same[v]; every value whose data a node that is alive reads is an
 * input, a capture, or made by a node that is alive. Merging never touches random draws or effects,
 * and a node that reads memory is merged only with one that no write may have come between. */
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"
#include "plan/plan.h"

/* -- common nodes ---------------------------------------------------------- */

/* Open addressing; entries are node numbers + 1, 0 is free. At most half of it is used. */
typedef struct node_table {
  uint32_t *entries;
  uint32_t mask;
} node_table;

static fmp_status new_table(uint32_t n_nodes, node_table *table)
{
  uint32_t room = 16;
  while (room < 2 * n_nodes) room *= 2;
  table->mask = room - 1;
  table->entries = fmp__alloc_zeroed(room, sizeof *table->entries);
  return table->entries ? FMP_OK : fmp__no_memory("a plan");
}

/* Outputs that are merged are one memory, so none of them may be written later. That holds for
 * views as well: where strides do not allow a view, it is a copy with memory of its own. */
static int is_mergeable(const fmp_graph *g, const fmp__node *node)
{
  if ((node->op->def.flags & (FMP_OP_EFFECT | FMP_OP_RANDOM)) || node->op->writes) return 0;
  for (uint32_t i = 0; i < node->n_out; i++)
    if (g->values[fmp__graph_root(g, node->out[i])].written > 0) return 0;
  return 1;
}

/* Inputs by what stands for them, so that equal chains of nodes merge from the front to the end. */
static uint64_t hash_node(const fmp__node *node, const uint32_t *same)
{
  uint64_t hash = fmp__hash_number((uint64_t)(uintptr_t)node->op, node->n_in);
  for (uint32_t i = 0; i < node->n_in; i++)
    hash = fmp__hash_number(hash, (uint64_t)node->in_written[i] << 32 | same[node->in[i]]);
  return fmp__params_hash(&node->op->attrs, node->params, hash);
}

/* in_written tells apart two reads of one memory with a write in between; see graph.h. */
static int nodes_equal(const fmp__node *a, const fmp__node *b, const uint32_t *same)
{
  if (a->op != b->op || a->n_in != b->n_in) return 0;
  for (uint32_t i = 0; i < a->n_in; i++)
    if (same[a->in[i]] != same[b->in[i]] || a->in_written[i] != b->in_written[i]) return 0;
  return fmp__params_equal(&a->op->attrs, a->params, b->params);
}

/* An equal node that came before; or NULL, and this one is now in the table for those that
 * follow. */
static const fmp__node *find_twin(const fmp_graph *g, node_table *table, uint32_t k,
                                  const uint32_t *same)
{
  const fmp__node *node = &g->nodes[k];
  uint32_t at = (uint32_t)hash_node(node, same) & table->mask;
  for (; table->entries[at]; at = (at + 1) & table->mask) {
    const fmp__node *other = &g->nodes[table->entries[at] - 1];
    if (nodes_equal(node, other, same)) return other;
  }
  table->entries[at] = k + 1;
  return NULL;
}

/* Forward, since a node's inputs must have been merged before it is compared. */
static fmp_status merge_common(const fmp_graph *g, uint32_t *same)
{
  node_table table;
  FMP_TRY(new_table(g->n_nodes, &table));
  for (uint32_t k = 0; k < g->n_nodes; k++) {
    const fmp__node *node = &g->nodes[k];
    const fmp__node *twin = is_mergeable(g, node) ? find_twin(g, &table, k, same) : NULL;
    for (uint32_t i = 0; twin && i < node->n_out; i++)
      if (node->out[i] && twin->out[i]) same[node->out[i]] = same[twin->out[i]];
  }
  fmp__free(table.entries);
  return FMP_OK;
}

/* -- dead nodes ------------------------------------------------------------ */

/* An output for which another stands is made by that other's node. */
static int has_needed_output(const fmp__node *node, const uint32_t *same,
                             const unsigned char *needed)
{
  for (uint32_t i = 0; i < node->n_out; i++)
    if (node->out[i] && same[node->out[i]] == node->out[i] && needed[node->out[i]]) return 1;
  return 0;
}

/* Backward: effects, writes and what the caller gets are alive, and so is whatever those read.
 * Program order makes one pass enough (graph.h). Reading a spec alone keeps nothing alive: specs
 * are inferred anyway. */
static void mark_alive(const fmp_graph *g, const uint32_t *same, unsigned char *needed,
                       unsigned char *alive)
{
  for (uint32_t i = 0; i < g->n_outputs; i++) needed[same[g->outputs[i]]] = 1;
  for (uint32_t k = g->n_nodes; k-- > 0;) {
    const fmp__node *node = &g->nodes[k];
    alive[k] = (node->op->def.flags & FMP_OP_EFFECT) || node->op->writes ||
               has_needed_output(node, same, needed);
    for (uint32_t i = 0; alive[k] && i < node->n_in; i++)
      if (!(fmp__schema_input(&node->op->schema, i)->marks & FMP_ARG_SPEC_ONLY))
        needed[same[node->in[i]]] = 1;
  }
}

static fmp_status prune(const fmp_graph *g, unsigned char *needed, fmp__pruned *pruned)
{
  for (uint32_t v = 0; v <= g->n_values; v++) pruned->same[v] = v;
  FMP_TRY(merge_common(g, pruned->same));
  mark_alive(g, pruned->same, needed, pruned->alive);
  return FMP_OK;
}

fmp_status fmp__plan_prune(const fmp_graph *g, fmp__pruned *pruned)
{
  unsigned char *needed = fmp__alloc_zeroed(g->n_values + 1, 1);
  pruned->alive = fmp__alloc_zeroed(g->n_nodes + 1, 1);
  pruned->same = fmp__alloc_zeroed(g->n_values + 1, sizeof *pruned->same);
  fmp_status status =
      needed && pruned->alive && pruned->same ? prune(g, needed, pruned) : fmp__no_memory("a plan");
  fmp__free(needed);
  if (status != FMP_OK) fmp__pruned_free(pruned);
  return status;
}

/* Does nothing for what is all zero. */
void fmp__pruned_free(fmp__pruned *pruned)
{
  fmp__free(pruned->alive);
  fmp__free(pruned->same);
  memset(pruned, 0, sizeof *pruned);
}
