/* SPDX-License-Identifier: Apache-2.0 */
#include "emit/rewrite.h"

#include <string.h>

#include "emit/builder.h"
#include "emit/record.h"
#include "graph/scope.h"
#include "emit/emit.h"
#include "base/log.h"
#include "base/memory.h"
#include "define/spec.h"

enum { LONGEST_CHAIN = 8, MOST_PASSES = 16, MOST_ROUNDS = 16 };

/* One pass: a graph is emitted anew, node by node, with one rewrite applied on the way. */
typedef struct pass {
  const fmp_graph *from;
  fmp_graph *to;
  const fmp__rewrite *rewrite;
  char names[LONGEST_CHAIN][64]; /* the chain's ops */
  uint32_t length;
  uint32_t *readers;    /* by value of `from`: live nodes that read its data, outputs included */
  unsigned char *alive; /* by node of `from` */
  uint32_t *values;     /* by value of `from`: the value of `to` that stands for it */
  uint32_t *nodes;      /* by node of `from`: its copy in `to` */
  uint32_t matches;
} pass;

/* -- matching -------------------------------------------------------------- */

static fmp_status split_chain(pass *p)
{
  p->length = 0;
  for (const char *at = p->rewrite->def.chain; *at; at += strspn(at, " ")) {
    const size_t n = strcspn(at, " ");
    if (p->length == LONGEST_CHAIN || n >= sizeof p->names[0])
      return fmp__fail(FMP_EPLUGIN, "rewrite '%s': its chain is too long", p->rewrite->def.name);
    memcpy(p->names[p->length], at, n);
    p->names[p->length++][n] = '\0';
    at += n;
  }
  return FMP_OK;
}

/* Whoever reads only the spec has no use for the data. */
static int reads_data(const fmp__node *node, uint32_t i)
{
  return node->in[i] && !(fmp__schema_input(&node->op->schema, i)->marks & FMP_ARG_SPEC_ONLY);
}

/* Marks the nodes whose outputs nobody reads in a trace that still goes on: who knows
 * what will read them. Not those that a rewrite has replaced. */
static void mark_open_ends(pass *p)
{
  const fmp_graph *g = p->from;
  if (!g->tracing) return;
  memset(p->alive, 1, g->n_nodes);
  for (uint32_t k = 0; k < g->n_nodes; k++)
    for (uint32_t i = 0; i < g->nodes[k].n_in; i++) {
      const fmp__value *in = &g->values[g->nodes[k].in[i]];
      if (reads_data(&g->nodes[k], i) && in->from == FMP__FROM_NODE) p->alive[in->node] = 0;
    }
  for (uint32_t k = 0; k < g->n_nodes; k++) p->alive[k] &= !g->nodes[k].replaced;
}

/* Backward, as in pruning: only what live nodes read counts as read. */
static void count_readers(pass *p)
{
  const fmp_graph *g = p->from;
  mark_open_ends(p);
  for (uint32_t i = 0; i < g->n_outputs; i++) p->readers[g->outputs[i]]++;
  for (uint32_t k = g->n_nodes; k-- > 0;) {
    const fmp__node *node = &g->nodes[k];
    p->alive[k] |= (node->op->def.flags & FMP_OP_EFFECT) || node->op->writes;
    for (uint32_t i = 0; i < node->n_out; i++)
      p->alive[k] |= node->out[i] && p->readers[node->out[i]];
    for (uint32_t i = 0; p->alive[k] && i < node->n_in; i++)
      if (reads_data(node, i)) p->readers[node->in[i]]++;
  }
}

static int is_op(const fmp__node *node, const char *name)
{
  return strcmp(node->op->def.name, name) == 0 && !node->op->writes &&
         !(node->op->def.flags & FMP_OP_EFFECT);
}

/* Moving the chain's reads to its end must not carry them past a write. */
static int writes_between(const fmp_graph *g, uint32_t first, uint32_t last)
{
  for (uint32_t k = first; k <= last; k++)
    if (g->nodes[k].op->writes) return 1;
  return 0;
}

static int reads_beyond_first(const pass *p, const fmp__node *node)
{
  for (uint32_t i = 1; i < node->n_out; i++)
    if (node->out[i] && p->readers[node->out[i]]) return 1;
  return 0;
}

/* Does the chain end in node k? chain[] gets its nodes in `from`. */
static int match(const pass *p, uint32_t k, uint32_t *chain)
{
  const fmp_graph *g = p->from;
  if (!p->alive[k] || g->nodes[k].replaced) return 0;
  for (uint32_t at = p->length; at-- > 0;) {
    const fmp__node *node = &g->nodes[k];
    if (!is_op(node, p->names[at])) return 0;
    if (at + 1 < p->length && reads_beyond_first(p, node)) return 0;
    chain[at] = k;
    if (at == 0) break;
    const fmp__value *in = node->n_in ? &g->values[node->in[0]] : NULL;
    if (!in || in->from != FMP__FROM_NODE || in->index != 0 || p->readers[node->in[0]] != 1)
      return 0;
    k = in->node;
  }
  /* NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): a chain has at least one op */
  return !writes_between(g, chain[0], chain[p->length - 1]);
}

/* -- emitting anew --------------------------------------------------------- */

static fmp_status copy_inputs(pass *p)
{
  for (uint32_t i = 0; i < p->from->n_inputs; i++) {
    fmp_tensor *t;
    FMP_TRY(fmp__graph_add_input(p->to, &p->from->values[i + 1].spec, &t));
    p->values[i + 1] = t->value;
    fmp_tensor_release(t);
  }
  return FMP_OK;
}

/* Captured tensors are the same in both graphs; all others have handles of their own. */
static fmp_status take_value(pass *p, uint32_t v, fmp_tensor **t)
{
  *t = NULL;
  if (v == 0) return FMP_OK;
  if (p->from->values[v].from == FMP__FROM_CAPTURE) {
    *t = p->from->values[v].tensor;
    return fmp__graph_value(p->to, *t, &p->values[v]);
  }
  *t = p->to->values[p->values[v]].tensor;
  return FMP_OK;
}

static fmp_status emit_copy(pass *p, uint32_t k, fmp_tensor **tensors)
{
  const fmp__node *node = &p->from->nodes[k];
  fmp_tensor **out = tensors + node->n_in;
  void *params;
  for (uint32_t i = 0; i < node->n_in; i++) FMP_TRY(take_value(p, node->in[i], &tensors[i]));
  FMP_TRY(fmp__params_copy(&node->op->attrs, node->params, &params));
  fmp__scope_set(node->scope);
  FMP_TRY(fmp__emit(node->op, params, tensors, node->n_in, out, node->n_out));
  p->nodes[k] = p->to->n_nodes - 1;
  p->to->nodes[p->nodes[k]].random_key = node->random_key;
  p->to->nodes[p->nodes[k]].replaced = node->replaced;
  for (uint32_t i = 0; i < node->n_out; i++) {
    if (node->out[i] && out[i]) {
      p->values[node->out[i]] = out[i]->value;
      p->to->values[out[i]->value].lowered = p->from->values[node->out[i]].lowered;
    }
    fmp_tensor_release(out[i]);
  }
  return FMP_OK;
}

static fmp_status copy_node(pass *p, uint32_t k)
{
  const fmp__node *node = &p->from->nodes[k];
  fmp_tensor **tensors = fmp__alloc_zeroed(node->n_in + node->n_out + 1, sizeof *tensors);
  if (!tensors) return fmp__no_memory("a rewrite");
  const fmp_status status = emit_copy(p, k, tensors);
  fmp__free(tensors);
  return status;
}

/* Redirects readers of the last node's outputs; all that are read must be replaced. */
static fmp_status redirect(pass *p, const fmp__node *last, const fmp_value *replacements)
{
  int any = 0;
  for (uint32_t i = 0; i < last->n_out; i++) {
    if (!replacements[i] || !last->out[i]) continue;
    any = 1;
    if (!fmp__spec_equal(&p->to->values[replacements[i]].spec, &p->from->values[last->out[i]].spec))
      return fmp__fail(FMP_ESHAPE, "it replaces output %u by one of another spec", i);
  }
  for (uint32_t i = 0; any && i < last->n_out; i++)
    if (last->out[i] && p->readers[last->out[i]] && !replacements[i])
      return fmp__fail(FMP_EPLUGIN, "it replaces only some of the outputs that are read");
  for (uint32_t i = 0; any && i < last->n_out; i++)
    if (last->out[i] && replacements[i]) {
      p->values[last->out[i]] = replacements[i];
      p->to->values[replacements[i]].lowered = p->from->values[last->out[i]].lowered;
    }
  p->matches += (uint32_t)any;
  return FMP_OK;
}

static fmp_status apply(pass *p, const uint32_t *chain)
{
  uint32_t copies[LONGEST_CHAIN];
  fmp_value replacements[FMP__MAX_ARGS] = {0};
  const fmp__node *last = &p->from->nodes[chain[p->length - 1]];
  for (uint32_t i = 0; i < p->length; i++) copies[i] = p->nodes[chain[i]];
  fmp_builder b = {.graph = p->to,
                   .place = FMP__IN_REWRITE,
                   .chain = copies,
                   .chain_length = p->length,
                   .replacements = replacements};
  fmp__builder_begin(&b);
  fmp_status status =
      fmp__builder_end(&b, p->rewrite->def.emit(p->rewrite->plugin->host, &b), "emit");
  const uint32_t matches = p->matches;
  if (status == FMP_OK) status = redirect(p, last, replacements);
  if (p->matches > matches) p->to->nodes[copies[p->length - 1]].replaced = 1;
  return status == FMP_OK ? FMP_OK : fmp__fail_in(status, "rewrite %s", p->rewrite->def.name);
}

static fmp_status copy_outputs(pass *p)
{
  const uint32_t n = p->from->n_outputs;
  fmp_tensor *t;
  if (p->from->tracing) return FMP_OK;
  p->to->outputs = fmp__alloc_zeroed(n + 1, sizeof *p->to->outputs);
  if (!p->to->outputs) return fmp__no_memory("a rewrite");
  for (uint32_t i = 0; i < n; i++) {
    const uint32_t v = p->from->outputs[i];
    FMP_TRY(take_value(p, v, &t));
    p->to->outputs[i] = p->values[v];
  }
  p->to->n_outputs = n;
  return FMP_OK;
}

/* What a gradient counted on holds for what stands for it now. */
static void copy_pins(pass *p)
{
  for (uint32_t v = 1; p->from->any_pinned && v <= p->from->n_values; v++)
    if (p->from->values[v].pinned && p->values[v]) fmp__graph_pin(p->to, p->values[v]);
}

static fmp_status emit_all(pass *p)
{
  uint32_t chain[LONGEST_CHAIN];
  FMP_TRY(copy_inputs(p));
  for (uint32_t k = 0; k < p->from->n_nodes; k++) {
    FMP_TRY(copy_node(p, k));
    if (match(p, k, chain)) FMP_TRY(apply(p, chain));
  }
  copy_pins(p);
  return copy_outputs(p);
}

/* -- passes ---------------------------------------------------------------- */

static int any_match(const pass *p)
{
  uint32_t chain[LONGEST_CHAIN];
  for (uint32_t k = 0; k < p->from->n_nodes; k++)
    if (match(p, k, chain)) return 1;
  return 0;
}

static fmp_status allocate(pass *p)
{
  p->readers = fmp__alloc_zeroed(p->from->n_values + 1, sizeof *p->readers);
  p->values = fmp__alloc_zeroed(p->from->n_values + 1, sizeof *p->values);
  p->nodes = fmp__alloc_zeroed(p->from->n_nodes + 1, sizeof *p->nodes);
  p->alive = fmp__alloc_zeroed(p->from->n_nodes + 1, 1);
  return p->readers && p->values && p->nodes && p->alive ? FMP_OK : fmp__no_memory("a rewrite");
}

/* Emits into a graph of its own; whatever the thread was tracing waits meanwhile. */
static fmp_status emit_aside(pass *p)
{
  char scope[FMP__SCOPE_PATH];
  FMP_TRY(fmp__graph_new(p->from->device, 1, &p->to));
  p->to->generator = p->from->generator;
  p->to->no_rewrites = p->from->no_rewrites;
  p->to->low_precision = p->from->low_precision;
  memcpy(scope, fmp_scope_path(), sizeof scope);
  fmp_graph *const before = fmp__graph_swap(p->to);
  const fmp_status status = emit_all(p);
  fmp__graph_swap(before);
  fmp__scope_set(scope);
  return status;
}

/* p->values is the caller's to free; p->to is NULL where nothing matched. */
static fmp_status run_pass(pass *p)
{
  fmp_status status = split_chain(p);
  if (status == FMP_OK) status = allocate(p);
  if (status == FMP_OK) {
    count_readers(p);
    if (any_match(p)) status = emit_aside(p);
  }
  fmp__free(p->readers);
  fmp__free(p->nodes);
  fmp__free(p->alive);
  if (status == FMP_OK && p->to && p->matches > 0) return FMP_OK;
  fmp_graph_release(p->to);
  p->to = NULL;
  return status;
}

/* -- finished graphs ------------------------------------------------------- */

static fmp_status rewrite_once(fmp_graph *g, const fmp__rewrite *rewrite, fmp_graph **result)
{
  pass p = {.from = g, .rewrite = rewrite};
  const fmp_status status = run_pass(&p);
  fmp__free(p.values);
  *result = p.to;
  if (p.to) {
    fmp__graph_detach(p.to, NULL, 0);
    p.to->tracing = 0;
  }
  return status;
}

/* One rewrite as often as it applies; *g is replaced by the result. */
static fmp_status rewrite_fully(fmp_graph **g, const fmp__rewrite *rewrite, int *changed)
{
  for (int n = 0; n < MOST_PASSES; n++) {
    fmp_graph *next;
    FMP_TRY(rewrite_once(*g, rewrite, &next));
    if (!next) break;
    fmp_graph_release(*g);
    *g = next;
    *changed = 1;
  }
  return FMP_OK;
}

/* Round after round, since what one rewrite made may be what another waits for. */
fmp_status fmp__rewrite_graph(fmp_graph *g, uint32_t phase, fmp_graph **rewritten)
{
  fmp_status status = FMP_OK;
  int changed = 1;
  fmp_graph_retain(g);
  for (int round = 0; changed && round < MOST_ROUNDS; round++) {
    const fmp__rewrite *rewrite;
    changed = 0;
    for (uint32_t i = 0; status == FMP_OK && (rewrite = fmp__rewrite_at(i)); i++)
      if (rewrite->def.phase == phase) status = rewrite_fully(&g, rewrite, &changed);
  }
  if (status != FMP_OK) fmp_graph_release(g);
  *rewritten = status == FMP_OK ? g : NULL;
  return status;
}

/* -- the trace of this thread ---------------------------------------------- */

/* The handles that were given out now mean values of the new graph. */
static void rebind(fmp_graph *old, fmp_graph *made, const uint32_t *values)
{
  for (uint32_t v = 1; v <= old->n_values; v++) {
    fmp__value *value = &old->values[v];
    if (value->from == FMP__FROM_CAPTURE || !value->tensor || !values[v]) continue;
    fmp__value *now = &made->values[values[v]];
    value->tensor->value = values[v];
    now->tensor->graph = NULL;
    fmp_tensor_release(now->tensor);
    now->tensor = value->tensor;
    value->tensor = NULL;
  }
}

/* Old and new change places, so that the address of the trace stays. */
static void replace_content(fmp_graph *old, fmp_graph *made, const uint32_t *values)
{
  rebind(old, made, values);
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

static fmp_status rewrite_trace_fully(fmp_graph *g, const fmp__rewrite *rewrite, int *changed)
{
  for (int n = 0; n < MOST_PASSES; n++) {
    pass p = {.from = g, .rewrite = rewrite};
    const fmp_status status = run_pass(&p);
    const int applied = status == FMP_OK && p.to;
    if (applied) replace_content(g, p.to, p.values);
    fmp__free(p.values);
    FMP_TRY(status);
    if (!applied) break;
    *changed = 1;
  }
  return FMP_OK;
}

fmp_status fmp__rewrite_trace(uint32_t phase)
{
  fmp_graph *g = fmp__graph_now();
  int changed = 1;
  for (int round = 0; changed && round < MOST_ROUNDS; round++) {
    const fmp__rewrite *rewrite;
    changed = 0;
    for (uint32_t i = 0; (rewrite = fmp__rewrite_at(i)); i++)
      if (rewrite->def.phase == phase) FMP_TRY(rewrite_trace_fully(g, rewrite, &changed));
  }
  return FMP_OK;
}
