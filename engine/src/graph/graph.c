/* SPDX-License-Identifier: Apache-2.0
 *
 * Building a graph: values, captures, nodes, and which writes a node may have seen. graph.h says
 * what always holds; here is where it is made to hold. A graph that is being built belongs to one
 * thread and needs no lock.
 *
 * Everything that is done for a tensor or node takes a constant time, or a program of n ops would
 * take the square of n to trace: arrays grow by doubling, captures are found by hash, roots are
 * followed at once. */
#include "graph/graph.h"

#include <string.h>

#include "base/memory.h"
#include "define/spec.h"

/* -- making and ending ----------------------------------------------------- */

/* values[0] stands for what is absent. It stays all zero, so it is its own root and never
 * written. */
fmp_status fmp__graph_new(fmp_device *device, int tracing, fmp_graph **graph)
{
  fmp_graph *g = fmp__alloc_zeroed(1, sizeof *g);
  if (!g) return fmp__no_memory("a graph");
  atomic_init(&g->references, 1);
  g->device = device;
  g->tracing = tracing;
  if (!fmp__grow((void **)&g->values, &g->values_room, 0, sizeof *g->values)) {
    fmp__free(g);
    return fmp__no_memory("a graph");
  }
  memset(g->values, 0, sizeof *g->values);
  *graph = g;
  return FMP_OK;
}

/* The graph's reference to the handle ends. Whoever else holds it has a tensor of no graph. */
static void let_go(fmp__value *value)
{
  fmp_tensor *t = value->tensor;
  t->graph = NULL;
  value->tensor = NULL;
  fmp_tensor_release(t);
}

/* Is t the handle of a value of this graph? Callers may hand over any tensors to keep. */
static int is_of(const fmp_graph *g, const fmp_tensor *t)
{
  return t && t->graph == g && g->values[t->value].tensor == t;
}

/* Those that keep their values go first, so that they need not be looked for among the others.
 * Captures are the user's tensors and are not touched. */
void fmp__graph_detach(fmp_graph *g, fmp_tensor *const *keep, int32_t n)
{
  for (int32_t i = 0; keep && i < n; i++)
    if (is_of(g, keep[i])) let_go(&g->values[keep[i]->value]);
  for (uint32_t v = 1; v <= g->n_values; v++) {
    fmp__value *value = &g->values[v];
    if (value->from == FMP__FROM_CAPTURE || !value->tensor) continue;
    fmp_tensor_empty(value->tensor);
    let_go(value);
  }
}

static void free_node(fmp__node *node)
{
  fmp__params_free(&node->op->attrs, node->params);
  fmp__free(node->scope);
  fmp__free(node->in);
}

/* A trace that was never ended still has handles; they are emptied like those of any other. */
static void free_graph(fmp_graph *g)
{
  fmp__graph_detach(g, NULL, 0);
  for (uint32_t v = 1; v <= g->n_values; v++) fmp_tensor_release(g->values[v].tensor);
  for (uint32_t i = 0; i < g->n_nodes; i++) free_node(&g->nodes[i]);
  fmp__ordinals_free(&g->ordinals);
  fmp__table_free(&g->known);
  fmp__free(g->nodes);
  fmp__free(g->values);
  fmp__free(g->outputs);
  fmp__free(g->batch_note);
  fmp__free(g);
}

void fmp_graph_retain(fmp_graph *g)
{
  if (g) atomic_fetch_add(&g->references, 1);
}

void fmp_graph_release(fmp_graph *g)
{
  if (g && atomic_fetch_sub(&g->references, 1) == 1) free_graph(g);
}

/* -- values ---------------------------------------------------------------- */

uint32_t fmp__graph_root(const fmp_graph *g, uint32_t value) { return g->values[value].root; }

void fmp__graph_pin(fmp_graph *g, uint32_t value)
{
  g->values[fmp__graph_root(g, value)].pinned = g->any_pinned = 1;
}

/* Inputs may turn out to be each other's memory, and that of captured tensors. Two captured tensors
 * are known to be apart, or share a root; and what nodes make is apart from both. */
uint32_t fmp__graph_written(const fmp_graph *g, uint32_t value)
{
  const fmp__value *root = &g->values[fmp__graph_root(g, value)];
  uint32_t last = root->written;
  if (root->from == FMP__FROM_NODE || value == 0) return last;
  if (g->input_written > last) last = g->input_written;
  if (root->from == FMP__FROM_INPUT && g->capture_written > last) last = g->capture_written;
  return last;
}

/* A new value, itself its root. 0: out of memory. */
static uint32_t add_value(fmp_graph *g, const fmp_spec *spec, uint32_t from, uint32_t index)
{
  const uint32_t v = g->n_values + 1;
  if (!fmp__grow((void **)&g->values, &g->values_room, v, sizeof *g->values)) return 0;
  g->values[v] = (fmp__value){.spec = *spec, .from = from, .index = index, .root = v};
  g->n_values = v;
  return v;
}

/* -- captured tensors, and whose memory they are ---------------------------- */

/* Tensors by address, which is even; storages by number, made odd. So both fit into one table. */
static uint64_t key_of(const fmp_tensor *t) { return (uint64_t)(uintptr_t)t; }
static uint64_t key_of_storage(uint64_t id) { return 2 * id + 1; }

/* The table forgets nothing, while values are forgotten from the end (fmp__graph_forget) and their
 * numbers given to others. So what it finds is a hint, which the two callers verify. */
static const fmp__value *known_value(const fmp_graph *g, uint64_t key, uint32_t *v)
{
  *v = fmp__table_get(&g->known, key);
  return *v && *v <= g->n_values ? &g->values[*v] : NULL;
}

/* While the graph holds a captured tensor no other one can have its address. */
static uint32_t find_capture(const fmp_graph *g, const fmp_tensor *t)
{
  uint32_t v;
  const fmp__value *value = known_value(g, key_of(t), &v);
  return value && value->tensor == t ? v : 0;
}

/* A value over the same storage as an earlier one shares its root: writes to either must be seen by
 * readers of both. The first tensor over it may have been emptied since, while other views live on,
 * so it is known by the storage's number: its address may belong to another storage by now. */
static uint32_t root_of_storage(const fmp_graph *g, uint64_t id)
{
  uint32_t v;
  const fmp__value *value = known_value(g, key_of_storage(id), &v);
  return value && value->storage == id ? value->root : 0;
}

/* The table has the first of the values over a storage. As values are forgotten from the end, it
 * goes last. */
static int note_storage(fmp_graph *g, uint32_t v, uint64_t id)
{
  if (root_of_storage(g, id)) return 1;
  g->values[v].storage = id;
  return fmp__table_set(&g->known, key_of_storage(id), v);
}

/* On failure the graph is as before; a stale entry in the table does no harm. */
static fmp_status add_capture(fmp_graph *g, fmp_tensor *t, uint32_t *value)
{
  const uint32_t root = root_of_storage(g, t->storage->id),
                 v = add_value(g, &t->spec, FMP__FROM_CAPTURE, g->n_captures);
  if (!v) return fmp__no_memory("a graph");
  if (!note_storage(g, v, t->storage->id) || !fmp__table_set(&g->known, key_of(t), v)) {
    g->n_values--;
    return fmp__no_memory("a graph");
  }
  g->n_captures++;
  g->values[v].tensor = fmp_tensor_retain(t);
  if (root) g->values[v].root = root;
  *value = v;
  return FMP_OK;
}

/* A tensor that was made in a recording which has ended belongs to no graph and is captured like
 * any other. One of another trace that still goes on has no value that this graph could ever
 * get. */
fmp_status fmp__graph_value(fmp_graph *g, fmp_tensor *t, uint32_t *value)
{
  FMP_TRY(fmp__require(t, "a tensor"));
  if (t->graph == g) {
    *value = t->value;
    return FMP_OK;
  }
  if (t->graph && !t->storage)
    return fmp__fail(FMP_ESTATE, "a tensor of another trace was used: it has no value here");
  FMP_TRY(fmp__tensor_require(t));
  *value = find_capture(g, t);
  return *value ? FMP_OK : add_capture(g, t, value);
}

/* From here on the graph holds a reference, so t->graph never dangles (tensor.h). */
static void bind_tensor(fmp_graph *g, uint32_t value, fmp_tensor *t)
{
  t->graph = g;
  t->value = value;
  g->values[value].tensor = fmp_tensor_retain(t);
}

fmp_status fmp__graph_add_input(fmp_graph *g, const fmp_spec *spec, fmp_tensor **input)
{
  FMP_TRY(fmp__spec_check(spec));
  FMP_TRY(fmp__tensor_bare(g->device, spec, input));
  const uint32_t v = add_value(g, &(*input)->spec, FMP__FROM_INPUT, g->n_inputs);
  if (!v) {
    fmp_tensor_release(*input);
    return fmp__no_memory("a graph's input");
  }
  g->n_inputs++;
  bind_tensor(g, v, *input);
  return FMP_OK;
}

/* -- nodes ----------------------------------------------------------------- */

/* in, in_written and out lie in one block; one number more, so that it is never empty. */
static fmp_status new_node(const fmp_op *op, const uint32_t *in, uint32_t n_in, uint32_t n_out,
                           const char *scope, fmp__node *node)
{
  memset(node, 0, sizeof *node);
  node->op = op;
  node->n_in = n_in;
  node->n_out = n_out;
  node->in = fmp__alloc_zeroed(2 * n_in + n_out + 1, sizeof *node->in);
  node->scope = fmp__copy_text(scope);
  if (!node->in || !node->scope) {
    free_node(node);
    return fmp__no_memory("a graph's node");
  }
  node->in_written = node->in + n_in;
  node->out = node->in + 2 * n_in;
  if (n_in) memcpy(node->in, in, n_in * sizeof *in);
  return FMP_OK;
}

/* Writes are noted at the root, and once for all inputs or all captures that may be the same
 * memory. */
static void note_write(fmp_graph *g, uint32_t value)
{
  fmp__value *root = &g->values[fmp__graph_root(g, value)];
  root->written = ++g->n_writes;
  if (root->from == FMP__FROM_INPUT) g->input_written = g->n_writes;
  if (root->from == FMP__FROM_CAPTURE) g->capture_written = g->n_writes;
}

/* Notes what the node reads, as it is before the node's own writes, and then those writes. An op
 * that writes w and reads it by another input has been refused before (stretch.h). */
static void count_writes(fmp_graph *g, fmp__node *node)
{
  node->n_before = g->n_writes;
  for (uint32_t i = 0; i < node->n_in; i++)
    node->in_written[i] = fmp__graph_written(g, node->in[i]);
  for (uint32_t i = 0; i < node->n_in; i++)
    if (node->in[i] && (fmp__schema_input(&node->op->schema, i)->marks & FMP_ARG_WRITTEN))
      note_write(g, node->in[i]);
}

/* Room for n values, and in the table for their storages. */
static int reserve_values(fmp_graph *g, uint32_t n)
{
  while (g->values_room <= g->n_values + n)
    if (!fmp__grow((void **)&g->values, &g->values_room, g->values_room, sizeof *g->values))
      return 0;
  return fmp__table_reserve(&g->known, n);
}

/* The node is the caller's, and no part of the graph, until it is appended or unreserved. */
fmp_status fmp__graph_reserve(fmp_graph *g, const fmp_op *op, const uint32_t *in, uint32_t n_in,
                              uint32_t n_out, const char *scope, fmp__node *node)
{
  if (!fmp__grow((void **)&g->nodes, &g->nodes_room, g->n_nodes, sizeof *g->nodes) ||
      !reserve_values(g, n_out))
    return fmp__no_memory("a graph's node");
  return new_node(op, in, n_in, n_out, scope, node);
}

void fmp__graph_unreserve(fmp__node *node) { free_node(node); }

/* An output may come back later as a view that was made outside of the recording, so its storage is
 * noted. Neither this nor binding can fail: there is room for all of it. */
static void add_output(fmp_graph *g, fmp__node *node, uint32_t i, fmp_tensor *t)
{
  const uint32_t v = add_value(g, &t->spec, FMP__FROM_NODE, i);
  node->out[i] = v;
  g->values[v].node = g->n_nodes;
  if (node->op->def.alias) g->values[v].root = fmp__graph_root(g, node->in[0]);
  if (t->storage) note_storage(g, v, t->storage->id);
  bind_tensor(g, v, t);
}

/* Cannot fail: fmp__graph_reserve has made room for all of it. From here on the graph owns the
 * node's memory. */
void fmp__graph_append(fmp_graph *g, fmp__node *node, void *params, fmp_tensor *const *tensors,
                       uint64_t random_key)
{
  for (uint32_t i = 0; i < node->n_out; i++)
    if (tensors[i]) add_output(g, node, i, tensors[i]);
  count_writes(g, node);
  node->params = params;
  node->random_key = random_key;
  g->nodes[g->n_nodes++] = *node;
}

/* Handles of forgotten values are in nobody's hands but the graph's. Writes stay counted: in a
 * recording, what was written has been written. */
void fmp__graph_forget(fmp_graph *g, uint32_t n_nodes, uint32_t n_values)
{
  while (g->n_nodes > n_nodes) free_node(&g->nodes[--g->n_nodes]);
  for (; g->n_values > n_values; g->n_values--) {
    fmp__value *value = &g->values[g->n_values];
    if (value->from == FMP__FROM_CAPTURE)
      g->n_captures--;
    else if (value->tensor)
      value->tensor->graph = NULL;
    fmp_tensor_release(value->tensor);
  }
}
