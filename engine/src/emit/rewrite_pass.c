/* SPDX-License-Identifier: Apache-2.0
 *
 * A pass copies the nodes of `from` to `to` one by one. Each node of the new graph is looked at
 * once, as soon as all that it reads has been: the first rewrite of which a chain ends in it
 * applies, and then the nodes that this one has emitted are looked at, before any other. So what
 * one rewrite makes another finds, as often as that happens, without a further pass.
 *
 * A value that has been replaced has another one that stands for it (`instead`). Whoever is emitted
 * later reads that one. A node that was emitted before and reads the old value is late; if it is
 * alive, it is emitted again behind, when its turn comes.
 *
 * A chain is found by its readers, so these are counted all the time: see fmp__pass. */
#include "emit/rewrite_pass.h"

#include <string.h>

#include "base/memory.h"
#include "define/spec.h"
#include "emit/builder.h"
#include "emit/emit.h"
#include "emit/record.h"
#include "graph/scope.h"

/* Nodes begin, begin + 1, ... end - 1. */
typedef struct fmp__node_range {
  uint32_t begin, end;
} node_range;

typedef fmp__pass pass;

/* Is it alive whether or not somebody reads what it makes? */
static int is_wanted(const fmp_op *op) { return (op->def.flags & FMP_OP_EFFECT) || op->writes; }

/* -- readers in the graph as it is ----------------------------------------- */

/* In a trace that still goes on nobody knows what will read the values that nobody has read so far,
 * so their nodes are alive; but for those that a rewrite has replaced. */
static void mark_open_ends(pass *p)
{
  const fmp_graph *g = p->from;
  if (!g->tracing) return;
  memset(p->alive, 1, g->n_nodes);
  for (uint32_t k = 0; k < g->n_nodes; k++)
    for (uint32_t i = 0; i < g->nodes[k].n_in; i++) {
      const fmp__value *in = &g->values[g->nodes[k].in[i]];
      if (fmp__reads_data(&g->nodes[k], i) && in->from == FMP__FROM_NODE) p->alive[in->node] = 0;
    }
  for (uint32_t k = 0; k < g->n_nodes; k++) p->alive[k] &= !g->nodes[k].replaced;
}

static int has_readers(const fmp__node *node, const fmp__use *uses)
{
  for (uint32_t i = 0; i < node->n_out; i++)
    if (node->out[i] && uses[node->out[i]].readers) return 1;
  return 0;
}

/* Backward, as in plan_prune.c: only what live nodes read counts as read. */
static void count_readers(pass *p)
{
  const fmp_graph *g = p->from;
  mark_open_ends(p);
  for (uint32_t i = 0; i < g->n_outputs; i++) p->uses[g->outputs[i]].readers++;
  for (uint32_t k = g->n_nodes; k-- > 0;) {
    const fmp__node *node = &g->nodes[k];
    p->alive[k] |= is_wanted(node->op) || has_readers(node, p->uses);
    for (uint32_t i = 0; p->alive[k] && i < node->n_in; i++)
      if (fmp__reads_data(node, i)) p->uses[node->in[i]].readers++;
  }
}

/* Most graphs of most phases match nothing, and are not emitted anew at all. */
static int any_match(const pass *p)
{
  uint32_t chain[FMP__LONGEST_CHAIN];
  for (uint32_t k = 0; k < p->from->n_nodes; k++)
    for (uint32_t r = 0; p->alive[k] && r < p->rules->n; r++)
      if (fmp__rule_matches(&p->rules->items[r], p->from, p->uses, k, chain)) return 1;
  return 0;
}

/* -- what stands for what -------------------------------------------------- */

/* Follows `instead` to its end, and shortens the way for those who come after. */
static uint32_t resolve(const pass *p, uint32_t v)
{
  for (uint32_t next; (next = p->now[v].instead); v = next)
    if (p->now[next].instead) p->now[v].instead = p->now[next].instead;
  return v;
}

uint32_t fmp__pass_value(const pass *p, uint32_t v) { return resolve(p, p->copies[v]); }

/* Does node k read, as input i, a value for which another has come to stand since? */
static int is_late(const pass *p, uint32_t k, uint32_t i)
{
  const fmp__use *use = &p->now[p->to->nodes[k].in[i]];
  return use->instead && k < use->since;
}

/* What node k should read as input i. */
static uint32_t read_as(const pass *p, uint32_t k, uint32_t i)
{
  const uint32_t v = p->to->nodes[k].in[i];
  return is_late(p, k, i) ? resolve(p, v) : v;
}

static int is_stale(const pass *p, uint32_t k)
{
  for (uint32_t i = 0; i < p->to->nodes[k].n_in; i++)
    if (is_late(p, k, i) && fmp__reads_data(&p->to->nodes[k], i)) return 1;
  return 0;
}

/* -- readers in the graph that is made ------------------------------------- */

static int grow_cleared(void **items, uint32_t *room, uint32_t count, size_t size)
{
  while (*room <= count) {
    const uint32_t before = *room;
    if (!fmp__grow(items, room, before, size)) return 0;
    memset((char *)*items + before * size, 0, (*room - before) * size);
  }
  return 1;
}

/* To be called after each emission, before anything is noted about what it made. */
static fmp_status make_room(pass *p)
{
  if (grow_cleared((void **)&p->now, &p->now_room, p->to->n_values, sizeof *p->now) &&
      grow_cleared((void **)&p->open, &p->open_room, p->to->n_nodes, sizeof *p->open))
    return FMP_OK;
  return fmp__no_memory("a rewrite");
}

static int is_alive(const pass *p, uint32_t k)
{
  const fmp__node *node = &p->to->nodes[k];
  return p->open[k] || is_wanted(node->op) || has_readers(node, p->now);
}

static fmp_status push_turned(pass *p, uint32_t k)
{
  if (!fmp__grow((void **)&p->turned, &p->turned_room, p->n_turned, sizeof *p->turned))
    return fmp__no_memory("a rewrite");
  p->turned[p->n_turned++] = k;
  return FMP_OK;
}

/* A node that this brings to life, or kills, has turned, and is noted for follow_turned(). Inputs
 * and captured tensors have no node, and nobody asks how often they are read. */
static fmp_status change_readers(pass *p, uint32_t v, int64_t by)
{
  const fmp__value *value = &p->to->values[v];
  if (value->from != FMP__FROM_NODE) return FMP_OK;
  const int before = is_alive(p, value->node);
  p->now[v].readers = (uint32_t)(p->now[v].readers + by);
  return before == is_alive(p, value->node) ? FMP_OK : push_turned(p, value->node);
}

/* Everything that follows from nodes having come to life (by 1) or having died (by -1): they read
 * one time more, or one time less, by which the nodes of what they read may turn in their turn. A
 * list and not a recursion, since chains are as long as networks are deep. */
static fmp_status follow_turned(pass *p, int by)
{
  while (p->n_turned > 0) {
    const uint32_t k = p->turned[--p->n_turned];
    const fmp__node *node = &p->to->nodes[k];
    for (uint32_t i = 0; i < node->n_in; i++)
      if (fmp__reads_data(node, i)) FMP_TRY(change_readers(p, read_as(p, k, i), by));
  }
  return FMP_OK;
}

static fmp_status add_readers(pass *p, uint32_t v, uint32_t n)
{
  FMP_TRY(change_readers(p, v, n));
  return follow_turned(p, 1);
}

static fmp_status drop_reader(pass *p, uint32_t v)
{
  FMP_TRY(change_readers(p, v, -1));
  return follow_turned(p, -1);
}

static fmp_status note_birth(pass *p, uint32_t k)
{
  FMP_TRY(push_turned(p, k));
  return follow_turned(p, 1);
}

static fmp_status note_death(pass *p, uint32_t k)
{
  FMP_TRY(push_turned(p, k));
  return follow_turned(p, -1);
}

/* From now on `other` is read where v was, but for nodes from `since` on, which make it. v's node
 * may have died of that, which is for the caller to see to. */
static fmp_status stand_in(pass *p, uint32_t v, uint32_t other, uint32_t since)
{
  const uint32_t readers = p->now[v].readers;
  p->now[v] = (fmp__use){.instead = other, .since = since};
  p->to->values[other].lowered = p->to->values[v].lowered;
  return add_readers(p, other, readers);
}

/* -- emitting a node like another ------------------------------------------ */

/* Captured tensors are the same in both graphs; of all others `to` has handles of its own. */
static fmp_status take_value(pass *p, uint32_t v, fmp_tensor **t)
{
  *t = NULL;
  if (v == 0) return FMP_OK;
  if (p->from->values[v].from == FMP__FROM_CAPTURE) {
    *t = p->from->values[v].tensor;
    FMP_TRY(fmp__graph_value(p->to, *t, &p->copies[v]));
    return make_room(p);
  }
  *t = p->to->values[fmp__pass_value(p, v)].tensor;
  return FMP_OK;
}

/* The op of a node again: same scope, attributes and random key. tensors: inputs, then room for
 * outputs. Casts may come before it, so its node is the last one. */
static fmp_status emit_like(pass *p, const fmp__node *node, fmp_tensor **tensors)
{
  void *params;
  FMP_TRY(fmp__params_copy(&node->op->attrs, node->params, &params));
  fmp__scope_set(node->scope);
  FMP_TRY(fmp__emit(node->op, params, tensors, node->n_in, tensors + node->n_in, node->n_out));
  fmp__node *made = &p->to->nodes[p->to->n_nodes - 1];
  made->random_key = node->random_key;
  made->replaced = node->replaced;
  return FMP_OK;
}

static fmp_tensor **new_arguments(const fmp__node *node)
{
  return fmp__alloc_zeroed(node->n_in + node->n_out + 1, sizeof(fmp_tensor *));
}

static void free_arguments(const fmp__node *node, fmp_tensor **tensors)
{
  for (uint32_t i = 0; i < node->n_out; i++) fmp_tensor_release(tensors[node->n_in + i]);
  fmp__free(tensors);
}

/* -- looking at nodes later ------------------------------------------------ */

/* A node that acts must not be emitted a second time, so it is not looked at. */
static int are_plain(const fmp_graph *g, uint32_t begin)
{
  for (uint32_t k = begin; k < g->n_nodes; k++)
    if (is_wanted(g->nodes[k].op)) return 0;
  return 1;
}

/* All nodes from `begin` on come next. A range that is done makes room for them. */
static fmp_status wait_for(pass *p, uint32_t begin)
{
  const node_range *last = p->n_waiting ? &p->waiting[p->n_waiting - 1] : NULL;
  if (!are_plain(p->to, begin)) return FMP_OK;
  if (last && last->begin == last->end) p->n_waiting--;
  if (!fmp__grow((void **)&p->waiting, &p->waiting_room, p->n_waiting, sizeof *p->waiting))
    return fmp__no_memory("a rewrite");
  p->waiting[p->n_waiting++] = (node_range){begin, p->to->n_nodes};
  return FMP_OK;
}

/* -- copies of nodes ------------------------------------------------------- */

/* The copy's outputs have the readers that they will have. As a node to come it has been counted
 * among the readers of its inputs until now; from here on it is one of whatever its copy reads,
 * which may be a cast of them or what has come to stand for them. */
static fmp_status count_copy(pass *p, uint32_t k)
{
  const fmp__node *node = &p->from->nodes[k];
  if (!p->alive[k]) return FMP_OK;
  FMP_TRY(note_birth(p, p->to->n_nodes - 1));
  for (uint32_t i = 0; i < node->n_in; i++)
    if (fmp__reads_data(node, i)) FMP_TRY(drop_reader(p, fmp__pass_value(p, node->in[i])));
  return FMP_OK;
}

static fmp_status note_copy(pass *p, uint32_t k, fmp_tensor *const *out)
{
  const fmp__node *node = &p->from->nodes[k];
  FMP_TRY(make_room(p));
  for (uint32_t i = 0; i < node->n_out; i++) {
    if (!node->out[i] || !out[i]) continue;
    const uint32_t v = p->copies[node->out[i]] = out[i]->value;
    p->now[v] = p->uses[node->out[i]];
    p->to->values[v].lowered = p->from->values[node->out[i]].lowered;
    p->to->values[v].bypassed = p->from->values[node->out[i]].bypassed;
  }
  p->open[p->to->n_nodes - 1] = p->alive[k] && !is_wanted(node->op) && !has_readers(node, p->uses);
  return count_copy(p, k);
}

static fmp_status copy_with(pass *p, uint32_t k, fmp_tensor **tensors)
{
  const fmp__node *node = &p->from->nodes[k];
  const uint32_t begin = p->to->n_nodes;
  for (uint32_t i = 0; i < node->n_in; i++) FMP_TRY(take_value(p, node->in[i], &tensors[i]));
  FMP_TRY(emit_like(p, node, tensors));
  FMP_TRY(note_copy(p, k, tensors + node->n_in));
  return wait_for(p, begin);
}

static fmp_status copy_node(pass *p, uint32_t k)
{
  const fmp__node *node = &p->from->nodes[k];
  fmp_tensor **tensors = new_arguments(node);
  if (!tensors) return fmp__no_memory("a rewrite");
  const fmp_status status = copy_with(p, k, tensors);
  free_arguments(node, tensors);
  return status;
}

/* -- emitting again -------------------------------------------------------- */

/* Whoever holds a handle of the end that was replaced may go on to read what stands for it. */
static fmp_status open_end(pass *p, uint32_t v)
{
  const fmp__value *value = &p->to->values[v];
  if (value->from != FMP__FROM_NODE) return FMP_OK;
  const int before = is_alive(p, value->node);
  p->open[value->node] = 1;
  return before ? FMP_OK : note_birth(p, value->node);
}

/* From now on with[i] stands for output i of node k; nodes from `begin` on make it. */
static fmp_status replace_node(pass *p, uint32_t k, uint32_t begin, const fmp_value *with)
{
  const fmp__node *node = &p->to->nodes[k];
  p->to->nodes[k].replaced = 1;
  for (uint32_t i = 0; i < node->n_out; i++) {
    if (!node->out[i] || !with[i]) continue;
    if (p->open[k]) FMP_TRY(open_end(p, with[i]));
    FMP_TRY(stand_in(p, node->out[i], with[i], begin));
  }
  p->open[k] = 0;
  return is_alive(p, k) ? FMP_OK : note_death(p, k);
}

/* A node that was late, on what it should read. It is looked at in its new place. */
static fmp_status again_with(pass *p, uint32_t k, const fmp__node *node, fmp_tensor **tensors)
{
  const uint32_t begin = p->to->n_nodes;
  fmp_value with[FMP__MAX_ARGS] = {0};
  for (uint32_t i = 0; i < node->n_in; i++) {
    const uint32_t v = read_as(p, k, i);
    tensors[i] = v ? p->to->values[v].tensor : NULL;
  }
  FMP_TRY(emit_like(p, node, tensors));
  for (uint32_t i = 0; i < node->n_out; i++)
    if (tensors[node->n_in + i]) with[i] = tensors[node->n_in + i]->value;
  FMP_TRY(make_room(p));
  FMP_TRY(replace_node(p, k, begin, with));
  return wait_for(p, begin);
}

static fmp_status emit_again(pass *p, uint32_t k)
{
  const fmp__node node = p->to->nodes[k]; /* the array may move */
  fmp_tensor **tensors = new_arguments(&node);
  if (!tensors) return fmp__no_memory("a rewrite");
  const fmp_status status = again_with(p, k, &node, tensors);
  free_arguments(&node, tensors);
  return status;
}

/* -- applying -------------------------------------------------------------- */

/* Which outputs of the last node are replaced, and by what stands for that now. All that are read
 * must be, or the op would be computed twice. */
static fmp_status check_replacements(const pass *p, const fmp__node *last, fmp_value *with,
                                     int *any)
{
  *any = 0;
  for (uint32_t i = 0; i < last->n_out; i++) {
    if (!with[i] || !last->out[i]) continue;
    if (!fmp__spec_equal(&p->to->values[with[i]].spec, &p->to->values[last->out[i]].spec))
      return fmp__fail(FMP_ESHAPE, "it replaces output %u by one of another spec", i);
    with[i] = resolve(p, with[i]);
    if (with[i] == last->out[i]) with[i] = 0;
    *any |= with[i] != 0;
  }
  for (uint32_t i = 0; *any && i < last->n_out; i++)
    if (last->out[i] && p->now[last->out[i]].readers && !with[i])
      return fmp__fail(FMP_EPLUGIN, "it replaces only some of the outputs that are read");
  return FMP_OK;
}

/* In the scope of the chain's last node: failures and names are those of what is replaced. */
static fmp_status call_emit(pass *p, const fmp__rule *rule, const uint32_t *chain, fmp_value *with)
{
  fmp_builder b = {.graph = p->to,
                   .place = FMP__IN_REWRITE,
                   .chain = chain,
                   .chain_length = rule->length,
                   .replacements = with};
  fmp__scope_set(p->to->nodes[chain[rule->length - 1]].scope);
  fmp__builder_begin(&b);
  const fmp_rewrite_args args = {.struct_size = sizeof args,
                                 .host = rule->rewrite->plugin->host,
                                 .data = rule->rewrite->def.data,
                                 .builder = &b};
  return fmp__builder_end(&b, rule->rewrite->def.emit(&args), "emit");
}

/* Nodes that nobody reads are no open ends of a trace: no handle of theirs was given out. */
static void close_ends(pass *p, uint32_t begin)
{
  for (uint32_t k = begin; k < p->to->n_nodes; k++)
    if (!is_alive(p, k)) p->to->nodes[k].replaced = 1;
}

/* Whoever holds a handle of what the chain has made can still compute with it, but not
 * differentiate by it: the loss no longer depends on it. gradient.c refuses that. */
static void bypass(pass *p, const fmp__rule *rule, const uint32_t *chain)
{
  for (uint32_t at = 0; at < rule->length; at++) {
    const fmp__node *node = &p->to->nodes[chain[at]];
    for (uint32_t i = 0; i < node->n_out; i++)
      if (node->out[i]) p->to->values[node->out[i]].bypassed = 1;
  }
}

/* The replacement counts from here on. What it emitted for its effect is alive without readers. */
static fmp_status take_over(pass *p, uint32_t k, uint32_t begin, const fmp_value *with)
{
  const uint32_t end = p->to->n_nodes;
  FMP_TRY(replace_node(p, k, begin, with));
  for (uint32_t made = begin; made < end; made++)
    if (is_wanted(p->to->nodes[made].op)) FMP_TRY(note_birth(p, made));
  close_ends(p, begin);
  p->applied++;
  return wait_for(p, begin);
}

/* Of a rewrite that declines nothing stays, unless it has written, which cannot be undone. */
static fmp_status try_rule(pass *p, const fmp__rule *rule, const uint32_t *chain, int *applies)
{
  const uint32_t k = chain[rule->length - 1];
  const uint32_t begin = p->to->n_nodes, n_values = p->to->n_values, n_writes = p->to->n_writes;
  fmp_value with[FMP__MAX_ARGS] = {0};
  FMP_TRY(call_emit(p, rule, chain, with));
  FMP_TRY(make_room(p));
  FMP_TRY(check_replacements(p, &p->to->nodes[k], with, applies));
  if (*applies) {
    bypass(p, rule, chain);
    return take_over(p, k, begin, with);
  }
  if (p->to->n_writes == n_writes) fmp__graph_forget(p->to, begin, n_values);
  return FMP_OK;
}

static fmp_status apply(pass *p, const fmp__rule *rule, const uint32_t *chain, int *applies)
{
  if (p->budget->left == 0) {
    p->budget->refused = rule->rewrite;
    return FMP_OK;
  }
  const fmp_status status = try_rule(p, rule, chain, applies);
  if (*applies) p->budget->left--;
  return status == FMP_OK ? FMP_OK : fmp__fail_in(status, "rewrite %s", rule->rewrite->def.name);
}

/* A replacement is emitted at the end of the graph, so the chain's reads move there: no write may
 * have come since its last node. Of several rules the one that was registered first applies, and
 * then no other. */
static fmp_status look_at(pass *p, uint32_t k)
{
  uint32_t chain[FMP__LONGEST_CHAIN];
  int applies = 0;
  if (!is_alive(p, k)) return FMP_OK;
  if (is_stale(p, k)) return emit_again(p, k);
  if (p->to->n_writes != p->to->nodes[k].n_before) return FMP_OK;
  for (uint32_t r = 0; r < p->rules->n && !applies && !p->budget->refused; r++) {
    const fmp__rule *rule = &p->rules->items[r];
    if (fmp__rule_matches(rule, p->to, p->now, k, chain)) FMP_TRY(apply(p, rule, chain, &applies));
  }
  return FMP_OK;
}

static fmp_status look_at_all(pass *p)
{
  while (p->n_waiting > 0) {
    node_range *last = &p->waiting[p->n_waiting - 1];
    if (last->begin == last->end)
      p->n_waiting--;
    else
      FMP_TRY(look_at(p, last->begin++));
  }
  return FMP_OK;
}

/* -- the whole ------------------------------------------------------------- */

static fmp_status copy_inputs(pass *p)
{
  for (uint32_t i = 0; i < p->from->n_inputs; i++) {
    fmp_tensor *t;
    FMP_TRY(fmp__graph_add_input(p->to, &p->from->values[i + 1].spec, &t));
    p->copies[i + 1] = t->value;
    fmp_tensor_release(t);
  }
  return make_room(p);
}

static fmp_status copy_outputs(pass *p)
{
  const uint32_t n = p->from->n_outputs;
  fmp_tensor *t;
  if (p->from->tracing) return FMP_OK;
  p->to->outputs = fmp__alloc_zeroed(n + 1, sizeof *p->to->outputs);
  if (!p->to->outputs) return fmp__no_memory("a rewrite");
  for (uint32_t i = 0; i < n; i++) {
    FMP_TRY(take_value(p, p->from->outputs[i], &t));
    p->to->outputs[i] = fmp__pass_value(p, p->from->outputs[i]);
  }
  p->to->n_outputs = n;
  return FMP_OK;
}

/* What a gradient counted on now holds for the values that stand for those. */
static void copy_pins(pass *p)
{
  for (uint32_t v = 1; p->from->any_pinned && v <= p->from->n_values; v++)
    if (p->from->values[v].pinned && p->copies[v]) fmp__graph_pin(p->to, fmp__pass_value(p, v));
}

static fmp_status emit_all(pass *p)
{
  FMP_TRY(copy_inputs(p));
  for (uint32_t k = 0; k < p->from->n_nodes; k++) {
    FMP_TRY(copy_node(p, k));
    FMP_TRY(look_at_all(p));
  }
  copy_pins(p);
  return copy_outputs(p);
}

/* Into a graph of its own, which is the thread's meanwhile; the trace that the thread was in
 * waits. */
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

static fmp_status allocate(pass *p)
{
  p->uses = fmp__alloc_zeroed(p->from->n_values + 1, sizeof *p->uses);
  p->copies = fmp__alloc_zeroed(p->from->n_values + 1, sizeof *p->copies);
  p->alive = fmp__alloc_zeroed(p->from->n_nodes + 1, 1);
  return p->uses && p->copies && p->alive ? FMP_OK : fmp__no_memory("a rewrite");
}

/* p->to stays NULL, and nothing was emitted for nothing, unless a rewrite applied. */
fmp_status fmp__pass_run(pass *p, const fmp_graph *from, const fmp__rules *rules,
                         fmp__budget *budget, fmp_tensor *const *x, int32_t n)
{
  *p = (pass){.from = from, .rules = rules, .budget = budget};
  FMP_TRY(allocate(p));
  for (int32_t i = 0; i < n; i++)
    if (x[i] && x[i]->graph == from) p->uses[x[i]->value].stays = 1;
  count_readers(p);
  if (!any_match(p)) return FMP_OK;
  const fmp_status status = emit_aside(p);
  if (status == FMP_OK && p->applied > 0) return FMP_OK;
  fmp_graph_release(p->to);
  p->to = NULL;
  return status;
}

void fmp__pass_free(pass *p)
{
  fmp__free(p->uses);
  fmp__free(p->copies);
  fmp__free(p->alive);
  fmp__free(p->now);
  fmp__free(p->open);
  fmp__free(p->waiting);
  fmp__free(p->turned);
  *p = (pass){0};
}
