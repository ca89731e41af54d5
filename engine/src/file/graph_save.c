/* SPDX-License-Identifier: Apache-2.0
 *
 * Saving a graph: what can be saved, names for its captured tensors, and the JSON of graph_file.h.
 * The graph is finished and only read; the file's values have the numbers of the graph's. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/table.h"
#include "base/text.h"
#include "file/graph_file.h"
#include "file/safetensors.h"
#include "fmp/api.h"
#include "graph/graph.h"
#include "graph/graph_batch.h"

/* -- what can be saved ----------------------------------------------------- */

/* The file has a tensor of its own for each capture. Two captures over one storage that the graph
 * writes would become two tensors after loading, and a write to one would no longer be seen in the
 * other. */
static fmp_status check_captures(const fmp_graph *g)
{
  for (uint32_t v = 1; v <= g->n_values; v++) {
    const fmp__value *value = &g->values[v];
    if (value->from == FMP__FROM_CAPTURE && value->root != v && g->values[value->root].written > 0)
      return fmp__fail(FMP_EUNSUPPORTED,
                       "captured tensors v%u and v%u share memory that the graph writes, which a "
                       "file cannot express",
                       value->root, v);
  }
  return FMP_OK;
}

/* Puts "node 3 (net/1: add): " in front of the text. */
static fmp_status fail_at(const fmp_graph *g, uint32_t k, fmp_status status)
{
  const fmp__node *node = &g->nodes[k];
  return fmp__fail_in(status, "node %u (%s%s%s)", k + 1, node->scope, *node->scope ? ": " : "",
                      node->op->def.name);
}

/* Resources have no text that could be read back (attribute_text.c). */
static fmp_status check_saveable(const fmp_graph *g)
{
  for (uint32_t k = 0; k < g->n_nodes; k++)
    if (fmp__params_hold_resource(&g->nodes[k].op->attrs))
      return fail_at(g, k, fmp__fail(FMP_EUNSUPPORTED, "it holds a resource, which a file cannot"));
  return check_captures(g);
}

/* -- names of captured tensors --------------------------------------------- */

enum { CAPTURE_NAME = 32 };

/* What the file needs to know of each capture, in order of their values. */
typedef struct captures {
  fmp__named_tensor *tensors;
  uint32_t *values;
  char (*made)[CAPTURE_NAME]; /* room for a name that is made, for each */
  uint32_t n;
} captures;

static uint64_t key_of(const char *name) { return fmp__hash_bytes(0, name, strlen(name)); }

/* How many tensors have each name, by its hash. Should two names have one hash, both count as taken
 * and get names that are made, which is right for any two tensors. */
static fmp_status count_names(const captures *c, fmp__table *counts)
{
  for (uint32_t i = 0; i < c->n; i++) {
    const char *name = c->tensors[i].tensor->name;
    if (name && !fmp__table_set(counts, key_of(name), fmp__table_get(counts, key_of(name)) + 1))
      return fmp__no_memory("names of tensors");
  }
  return FMP_OK;
}

/* Can the tensor keep its name? It must be unique, and not look like ours or the format's. */
static int is_own_name(const char *name, const fmp__table *counts)
{
  if (!name || !*name || strcmp(name, "__metadata__") == 0) return 0;
  if (strncmp(name, fmp__capture_prefix, sizeof fmp__capture_prefix - 1) == 0) return 0;
  return fmp__table_get(counts, key_of(name)) == 1;
}

/* Names that users gave survive a round trip; is_own_name() says which can. */
static fmp_status name_captures(captures *c)
{
  fmp__table counts = {0};
  const fmp_status status = count_names(c, &counts);
  for (uint32_t i = 0; i < c->n && status == FMP_OK; i++) {
    const char *name = c->tensors[i].tensor->name;
    snprintf(c->made[i], sizeof c->made[i], "%s%u", fmp__capture_prefix, i);
    c->tensors[i].name = is_own_name(name, &counts) ? name : c->made[i];
  }
  fmp__table_free(&counts);
  return status;
}

/* In the order of their values, which is that of their first use. */
static fmp_status list_captures(const fmp_graph *g, captures *c)
{
  c->tensors = fmp__alloc_zeroed(g->n_captures + 1, sizeof *c->tensors);
  c->values = fmp__alloc_zeroed(g->n_captures + 1, sizeof *c->values);
  c->made = fmp__alloc_zeroed(g->n_captures + 1, sizeof *c->made);
  if (!c->tensors || !c->values || !c->made) return fmp__no_memory("a list of tensors");
  for (uint32_t v = 1; v <= g->n_values; v++) {
    if (g->values[v].from != FMP__FROM_CAPTURE) continue;
    c->tensors[c->n].tensor = g->values[v].tensor;
    c->values[c->n++] = v;
  }
  return name_captures(c);
}

static void free_captures(captures *c)
{
  fmp__free(c->tensors);
  fmp__free(c->values);
  fmp__free(c->made);
}

/* Which value each tensor of the file is. */
static json_t *captures_json(const captures *c)
{
  json_t *list = json_array();
  int failed = !list;
  for (uint32_t i = 0; i < c->n; i++) {
    json_t *one = json_object();
    failed |= fmp__json_set(one, "value", json_integer(c->values[i]));
    failed |= fmp__json_set(one, "tensor", json_string(c->tensors[i].name));
    failed |= fmp__json_add(list, one);
  }
  return fmp__json_whole(list, failed);
}

/* -- the graph as JSON ----------------------------------------------------- */

/* As all functions here that build JSON: jansson's setters take NULL and fail, so a chain of them
 * needs one look at the end, and NULL goes upwards as "no memory". */
static json_t *ids_json(const uint32_t *ids, uint32_t n)
{
  json_t *list = json_array();
  int failed = !list;
  for (uint32_t i = 0; i < n; i++) failed |= fmp__json_add(list, json_integer(ids[i]));
  return fmp__json_whole(list, failed);
}

/* Roots alone are pinned; their views follow when the file is loaded. */
static json_t *pinned_json(const fmp_graph *g)
{
  json_t *list = json_array();
  int failed = !list;
  for (uint32_t v = 1; v <= g->n_values; v++)
    if (g->values[v].pinned) failed |= fmp__json_add(list, json_integer(v));
  return fmp__json_whole(list, failed);
}

static json_t *spec_json(const fmp_spec *spec)
{
  json_t *made = json_object(), *shape = json_array();
  int failed = !shape;
  for (uint32_t i = 0; i < spec->rank; i++)
    failed |= fmp__json_add(shape, json_integer(spec->shape[i]));
  failed |= fmp__json_set(made, "dtype", json_string(fmp_dtype_name(spec->dtype)));
  failed |= fmp__json_set(made, "shape", shape);
  return fmp__json_whole(made, failed);
}

/* The specs that the graph was traced with; a plan may be made for others of the same type and
 * rank. */
static json_t *inputs_json(const fmp_graph *g)
{
  json_t *list = json_array();
  int failed = !list;
  for (uint32_t i = 1; i <= g->n_inputs; i++)
    failed |= fmp__json_add(list, spec_json(&g->values[i].spec));
  return fmp__json_whole(list, failed);
}

/* Beside memory only text that is not UTF-8 can fail here. */
static fmp_status put_attr(const fmp__node *node, uint32_t i, json_t *attrs)
{
  fmp__text text = {0};
  fmp_status status = FMP_OK;
  fmp__params_value_text(&node->op->attrs, node->params, i, &text);
  if (text.failed)
    status = fmp__no_memory("an attribute's text");
  else if (fmp__json_set(attrs, node->op->attrs.defs[i].name,
                         json_string(text.bytes ? text.bytes : "")))
    status =
        fmp__fail(FMP_EINVAL, "expected attribute '%s' in UTF-8", node->op->attrs.defs[i].name);
  fmp__text_free(&text);
  return status;
}

/* As hexadecimal text: JSON's numbers are doubles to many readers, and lose the low bits. */
static json_t *key_json(uint64_t key)
{
  char digits[17];
  snprintf(digits, sizeof digits, "%016" PRIx64, key);
  return json_string(digits);
}

/* `made` is held until the attributes are in, since `attrs` belongs to it. */
static fmp_status put_node(const fmp__node *node, json_t *nodes)
{
  json_t *made = json_object(), *attrs = json_object();
  int failed = fmp__json_set(made, "op", json_string(node->op->def.name));
  failed |= fmp__json_set(made, "version", json_integer(node->op->def.version));
  failed |= fmp__json_set(made, "scope", json_string(node->scope));
  failed |= fmp__json_set(made, "attrs", attrs);
  if (node->op->def.flags & FMP_OP_RANDOM)
    failed |= fmp__json_set(made, "random_key", key_json(node->random_key));
  failed |= fmp__json_set(made, "in", ids_json(node->in, node->n_in));
  failed |= fmp__json_set(made, "out", ids_json(node->out, node->n_out));
  failed |= fmp__json_add(nodes, json_incref(made));
  fmp_status status = failed ? fmp__fail(FMP_EINVAL, "expected a scope in UTF-8") : FMP_OK;
  for (uint32_t i = 0; i < node->op->attrs.n && status == FMP_OK; i++)
    status = put_attr(node, i, attrs);
  json_decref(made);
  return status;
}

static fmp_status put_nodes(const fmp_graph *g, json_t *graph)
{
  json_t *nodes = json_array();
  if (fmp__json_set(graph, "nodes", nodes)) return fmp__no_memory("a graph as JSON");
  for (uint32_t k = 0; k < g->n_nodes; k++) {
    const fmp_status status = put_node(&g->nodes[k], nodes);
    if (status != FMP_OK) return fail_at(g, k, status);
  }
  return FMP_OK;
}

/* Whether the batch is open is found out here at the latest: a reader should not have to. */
static fmp_status put_graph(const fmp_graph *g, const captures *c, json_t *graph)
{
  const char *note;
  FMP_TRY(fmp__graph_batch(g, &note));
  int failed = fmp__json_set(graph, "format", json_integer(FMP__GRAPH_FORMAT));
  failed |= fmp__json_set(graph, "batch", json_string(note ? "fixed" : "open"));
  if (note) failed |= fmp__json_set(graph, "batch_note", json_string(note));
  if (g->no_rewrites) failed |= fmp__json_set(graph, "rewrites", json_false());
  failed |= fmp__json_set(graph, "inputs", inputs_json(g));
  failed |= fmp__json_set(graph, "captures", captures_json(c));
  failed |= fmp__json_set(graph, "outputs", ids_json(g->outputs, g->n_outputs));
  if (g->any_pinned) failed |= fmp__json_set(graph, "pinned", pinned_json(g));
  if (failed) return fmp__fail(FMP_EINVAL, "expected names and the batch note in UTF-8");
  return put_nodes(g, graph);
}

/* The graph is a text inside the header's JSON, since the format allows nothing but texts there. */
static fmp_status put_metadata(const json_t *graph, json_t *metadata)
{
  char *text;
  size_t n;
  FMP_TRY(fmp__json_write(graph, &text, &n));
  int failed = fmp__json_set(metadata, fmp__graph_key, json_stringn(text, n));
  failed |= fmp__json_set(metadata, fmp__version_key, json_string(fmp_version()));
  fmp__free(text);
  return failed ? fmp__no_memory("a graph as JSON") : FMP_OK;
}

/* -- the file -------------------------------------------------------------- */

/* All checks and all of the JSON come before the file is touched. */
static fmp_status save(const fmp_graph *g, captures *c, const char *path)
{
  json_t *graph = json_object(), *metadata = json_object();
  fmp_status status = check_saveable(g);
  if (status == FMP_OK) status = list_captures(g, c);
  if (status == FMP_OK) status = put_graph(g, c, graph);
  if (status == FMP_OK) status = put_metadata(graph, metadata);
  if (status == FMP_OK) status = fmp__safetensors_write(path, metadata, c->tensors, c->n);
  json_decref(graph);
  json_decref(metadata);
  return status;
}

fmp_status fmp_graph_save(const fmp_graph *g, const char *path)
{
  captures c = {0};
  FMP_TRY(fmp__require(g, "a graph"));
  FMP_TRY(fmp__require(path, "a path"));
  const fmp_status status = save(g, &c, path);
  free_captures(&c);
  return status == FMP_OK ? FMP_OK : fmp__fail_in(status, "%s", path);
}
