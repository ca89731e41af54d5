/* SPDX-License-Identifier: Apache-2.0
 *
 * Gradients by emitting further ops, from the loss back to what it depends on (reverse
 * accumulation). With y_j the outputs of a node and x_i its inputs, the op's gradient function
 * emits, for each x_i that matters,
 *
 *   d(loss)/d(x_i) = sum over j of  d(loss)/d(y_j)  d(y_j)/d(x_i)
 *
 * and what several readers of a value contribute is added up here. Gradient ops are ops like any
 * others, so whatever runs the program runs its gradient, and nothing is kept for a backward pass
 * but the graph itself. */
#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "emit/builder.h"
#include "emit/emit.h"
#include "emit/record.h"
#include "emit/rewrite.h"
#include "fmp/kit/attr.h"
#include "graph/scope.h"

/* One sweep over the graph as it stands when it begins. Nodes that are emitted on the way come
 * after it and are not differentiated; their values may stand in grads, but never index it.
 *
 * What holds when the sweep comes to node k: all readers of its outputs have been differentiated,
 * since they have larger numbers (graph.h), so grads of its outputs are complete. Each grads[v] has
 * exactly v's spec. needed[0] is 0: nothing is needed of what is absent. */
typedef struct sweep {
  fmp_graph *graph;
  uint32_t n_nodes, n_values;
  unsigned char *needed; /* by value: is it one of x, or does it depend on one of them? */
  fmp_value *grads;      /* by value: d(loss)/d(value) so far; 0: nothing yet */
  fmp_builder builder;
  unsigned char *wanted; /* by input of the node at hand */
  unsigned char *set;    /* likewise: was its gradient set? */
  fmp_value *dx, *douts; /* by input, by output */
} sweep;

/* Only floats have gradients: an index or a mask passes none on. */
static int is_float(uint32_t dtype)
{
  return dtype == FMP_F32 || dtype == FMP_F64 || dtype == FMP_BF16 || dtype == FMP_F16;
}

/* -- what depends on what -------------------------------------------------- */

/* An input that lends its spec alone has no gradient: the output does not depend on its data. */
static int is_spec_only(const fmp__node *node, uint32_t i)
{
  return (fmp__schema_input(&node->op->schema, i)->marks & FMP_ARG_SPEC_ONLY) != 0;
}

static int node_needed(const sweep *s, const fmp__node *node)
{
  for (uint32_t i = 0; i < node->n_in; i++)
    if (s->needed[node->in[i]] && !is_spec_only(node, i)) return 1;
  return 0;
}

/* Forward: beside the x themselves, float outputs of nodes that read something needed. */
static void mark_needed(sweep *s)
{
  for (uint32_t k = 0; k < s->n_nodes; k++) {
    const fmp__node *node = &s->graph->nodes[k];
    if (!node_needed(s, node)) continue;
    for (uint32_t i = 0; i < node->n_out; i++)
      if (node->out[i] && is_float(s->graph->values[node->out[i]].spec.dtype))
        s->needed[node->out[i]] = 1;
  }
  s->needed[0] = 0;
}

/* A value that a rewrite has led its readers past (for an earlier gradient) no longer leads to the
 * loss; its gradient would come out as zero, so it is refused. The values were found before and are
 * not added here. */
static fmp_status mark_sources(sweep *s, fmp_tensor *const *x, int32_t n, uint32_t *values)
{
  char text[FMP_SPEC_TEXT];
  for (int32_t i = 0; i < n; i++) {
    FMP_TRY(fmp__graph_value(s->graph, x[i], &values[i]));
    if (!is_float(x[i]->spec.dtype))
      return fmp__fail(FMP_EDTYPE, "expected a float tensor to differentiate by, got %s",
                       fmp_spec_text(&x[i]->spec, text));
    if (s->graph->values[values[i]].bypassed)
      return fmp__fail(FMP_ESTATE,
                       "%s cannot be differentiated by any more: for an earlier gradient a rewrite "
                       "merged what made it with what reads it; ask for both gradients at once, or "
                       "do without rewrites",
                       fmp_spec_text(&x[i]->spec, text));
  }
  return FMP_OK;
}

/* -- one node -------------------------------------------------------------- */

/* "cifar_fmp/3: gradient of conv2d: ..." */
static fmp_status fail_at(const fmp__node *node, fmp_status status)
{
  return fmp__fail_in(status, "%s%sgradient of %s", node->scope, *node->scope ? ": " : "",
                      node->op->def.name);
}

/* The gradients of a node's outputs. None: the loss does not depend on the node. */
static int has_dout(sweep *s, const fmp__node *node)
{
  int any = 0;
  for (uint32_t i = 0; i < node->n_out; i++) {
    s->douts[i] = node->out[i] ? s->grads[node->out[i]] : 0;
    any |= s->douts[i] != 0;
  }
  return any;
}

/* The sum of two contributions, by the op with that role. It is the engine that emits it, so the
 * op's own gradient_ops are not asked (builder.c). */
static fmp_status accumulate(sweep *s, uint32_t value, fmp_value dx)
{
  const fmp_op *op;
  if (s->grads[value] == 0) {
    s->grads[value] = dx;
    return FMP_OK;
  }
  const fmp_value terms[2] = {s->grads[value], dx};
  FMP_TRY(fmp__role_require(FMP_ROLE_ACCUMULATE, &op));
  s->builder.op = NULL; /* the sum is the engine's wish, not the gradient's */
  s->grads[value] = fmp__builder_emit_op(&s->builder, op, NULL, 0, terms, 2);
  if (s->builder.status != FMP_OK) fmp__error_restore(s->builder.text);
  return s->builder.status;
}

/* The node is looked up anew each time: an emission may have moved the array. */
static fmp_status collect(sweep *s, uint32_t k)
{
  for (uint32_t i = 0; i < s->graph->nodes[k].n_in; i++)
    if (s->dx[i]) FMP_TRY(accumulate(s, s->graph->nodes[k].in[i], s->dx[i]));
  return FMP_OK;
}

/* A gradient that was forgotten would pass for zero, silently. */
static fmp_status check_all_set(const sweep *s, uint32_t k)
{
  const fmp__node *node = &s->graph->nodes[k];
  for (uint32_t i = 0; i < node->n_in; i++)
    if (s->wanted[i] && !s->set[i])
      return fmp__fail(FMP_EPLUGIN, "it did not set the gradient for input %s (number %u)",
                       fmp__schema_input(&node->op->schema, i)->name, i);
  return FMP_OK;
}

/* A node's gradient is asked for once, for all of its inputs that are needed. The builder is lent
 * for that call alone; op and params stay good while it emits, the node does not. */
static fmp_status call_gradient(sweep *s, uint32_t k)
{
  const fmp__node *node = &s->graph->nodes[k];
  const fmp_op *op = node->op;
  const void *params = node->params; /* the node array may move as ops are emitted */
  for (uint32_t i = 0; i < node->n_in; i++) {
    s->wanted[i] = s->needed[node->in[i]] && !is_spec_only(node, i);
    s->dx[i] = 0;
    s->set[i] = 0;
  }
  s->builder.node = k;
  s->builder.op = op;
  fmp__builder_begin(&s->builder);
  const fmp_gradient_args args = {.struct_size = sizeof args,
                                  .host = op->plugin->host,
                                  .data = op->def.data,
                                  .op = op,
                                  .params = params,
                                  .builder = &s->builder};
  FMP_TRY(fmp__builder_end(&s->builder, op->def.gradient(&args), "gradient"));
  return check_all_set(s, k);
}

/* Gradient ops stand in the scope of the op they belong to, so failures and profiles name it. */
static fmp_status differentiate(sweep *s, uint32_t k)
{
  const fmp__node *node = &s->graph->nodes[k];
  char scope[FMP__SCOPE_PATH];
  if (!node_needed(s, node) || !has_dout(s, node)) return FMP_OK;
  if (!node->op->def.gradient)
    return fmp__fail(FMP_ENOGRAD, "%s%s%s: has no gradient", node->scope, *node->scope ? ": " : "",
                     node->op->def.name);
  memcpy(scope, fmp_scope_path(), sizeof scope);
  fmp__scope_set(node->scope);
  fmp_status status = call_gradient(s, k);
  if (status == FMP_OK) status = collect(s, k);
  fmp__scope_set(scope);
  return status == FMP_OK ? FMP_OK : fail_at(&s->graph->nodes[k], status);
}

/* -- the sweep ------------------------------------------------------------- */

/* The most inputs or outputs that any node has: the arrays by argument serve all nodes. */
static uint32_t most_arguments(const fmp_graph *g)
{
  uint32_t most = 1;
  for (uint32_t k = 0; k < g->n_nodes; k++) {
    if (g->nodes[k].n_in > most) most = g->nodes[k].n_in;
    if (g->nodes[k].n_out > most) most = g->nodes[k].n_out;
  }
  return most;
}

static fmp_status start(sweep *s, fmp_graph *g)
{
  const uint32_t most = most_arguments(g);
  memset(s, 0, sizeof *s);
  s->graph = g;
  s->n_nodes = g->n_nodes;
  s->n_values = g->n_values;
  s->needed = fmp__alloc_zeroed(g->n_values + 1, 1);
  s->grads = fmp__alloc_zeroed(g->n_values + 1, sizeof *s->grads);
  s->wanted = fmp__alloc_zeroed(most, 1);
  s->set = fmp__alloc_zeroed(most, 1);
  s->dx = fmp__alloc_zeroed(most, sizeof *s->dx);
  s->douts = fmp__alloc_zeroed(most, sizeof *s->douts);
  s->builder.graph = g;
  s->builder.place = FMP__IN_GRADIENT;
  s->builder.wanted = s->wanted;
  s->builder.dx = s->dx;
  s->builder.set = s->set;
  s->builder.douts = s->douts;
  if (s->needed && s->grads && s->wanted && s->set && s->dx && s->douts) return FMP_OK;
  return fmp__no_memory("gradients");
}

static void finish(sweep *s)
{
  fmp__free(s->needed);
  fmp__free(s->grads);
  fmp__free(s->wanted);
  fmp__free(s->set);
  fmp__free(s->dx);
  fmp__free(s->douts);
}

/* A tensor like `value`, filled with a number, by the op with that role. */
static fmp_status emit_constant(sweep *s, uint32_t value, double number, fmp_value *filled)
{
  const fmp_op *op;
  const fmp_attr attr = fmp_attr_f64("value", number);
  FMP_TRY(fmp__role_require(FMP_ROLE_FILL, &op));
  s->builder.op = NULL;
  *filled = fmp__builder_emit_op(&s->builder, op, &attr, 1, &value, 1);
  if (s->builder.status != FMP_OK) fmp__error_restore(s->builder.text);
  return s->builder.status;
}

/* d(loss)/d(loss) = 1, and from there backward. A loss that depends on no x leaves all gradients
 * zero. */
static fmp_status sweep_back(sweep *s, uint32_t loss)
{
  if (!s->needed[loss]) return FMP_OK;
  FMP_TRY(emit_constant(s, loss, 1.0, &s->grads[loss]));
  for (uint32_t k = s->n_nodes; k-- > 0;) FMP_TRY(differentiate(s, k));
  return FMP_OK;
}

/* An x that the loss does not depend on gets zeros. A gradient is lowered if its x is
 * (precision.h), so that what leaves the trace has x's own type. */
static fmp_status take_results(sweep *s, const uint32_t *values, int32_t n, fmp_tensor **dx)
{
  for (int32_t i = 0; i < n; i++) {
    if (s->grads[values[i]] == 0) FMP_TRY(emit_constant(s, values[i], 0.0, &s->grads[values[i]]));
    s->graph->values[s->grads[values[i]]].lowered = s->graph->values[values[i]].lowered;
    dx[i] = fmp_tensor_retain(s->graph->values[s->grads[values[i]]].tensor);
  }
  return FMP_OK;
}

/* A loss of any rank will do if it has one element: its gradient by itself is then 1. */
static fmp_status check_loss(fmp_tensor *loss, fmp_graph **graph)
{
  char text[FMP_SPEC_TEXT];
  FMP_TRY(fmp__require(loss, "the loss as a tensor"));
  *graph = fmp__graph_now();
  if (!*graph)
    return fmp__fail(FMP_ESTATE, "gradients exist only inside a recording or a compiled function");
  if (loss->graph != *graph)
    return fmp__fail(FMP_ESTATE, "the loss was not made inside this recording");
  for (uint32_t i = 0; i < loss->spec.rank; i++)
    if (loss->spec.shape[i] != 1)
      return fmp__fail(FMP_ESHAPE, "expected a loss of one element, got %s; take its mean or sum",
                       fmp_spec_text(&loss->spec, text));
  return FMP_OK;
}

static fmp_status emit_gradients(fmp_graph *g, fmp_tensor *loss, fmp_tensor *const *x, int32_t n,
                                 uint32_t *values, fmp_tensor **dx)
{
  sweep s;
  /* Captures first: they add values. */
  for (int32_t i = 0; i < n; i++) FMP_TRY(fmp__graph_value(g, x[i], &values[i]));
  fmp_status status = start(&s, g);
  if (status == FMP_OK) status = mark_sources(&s, x, n, values);
  if (status == FMP_OK) {
    for (int32_t i = 0; i < n; i++) s.needed[values[i]] = 1;
    mark_needed(&s);
    status = sweep_back(&s, loss->value);
  }
  if (status == FMP_OK) status = take_results(&s, values, n, dx);
  finish(&s);
  return status;
}

/* Rewrites of the first phase come before the sweep, so that what is differentiated is what will
 * run. They are kept if the gradients fail; the failed gradients themselves leave nothing in the
 * graph. */
static fmp_status gradients(fmp_graph *g, fmp_tensor *loss, fmp_tensor *const *x, int32_t n,
                            uint32_t *values, fmp_tensor **dx)
{
  if (g->tracing && !g->no_rewrites)
    FMP_TRY(fmp__rewrite_trace(FMP_REWRITE_BEFORE_GRADIENTS, x, n));
  const uint32_t n_nodes = g->n_nodes, n_values = g->n_values;
  const fmp_status status = emit_gradients(g, loss, x, n, values, dx);
  if (status != FMP_OK) fmp__graph_forget(g, n_nodes, n_values);
  return status;
}

/* dx is all NULL on failure, whatever was found by then. */
fmp_status fmp_gradients(fmp_tensor *loss, fmp_tensor *const *x, int32_t n, fmp_tensor **dx)
{
  fmp_graph *g;
  FMP_TRY(check_loss(loss, &g));
  if (n < 0 || (n > 0 && !(x && dx)))
    return fmp__fail(FMP_EINVAL, "expected tensors to differentiate by, and places for results");
  uint32_t *values = fmp__alloc_zeroed((size_t)n + 1, sizeof *values);
  if (!values) return fmp__no_memory("gradients");
  for (int32_t i = 0; i < n; i++) dx[i] = NULL;
  const fmp_status status = gradients(g, loss, x, n, values, dx);
  fmp__free(values);
  for (int32_t i = 0; i < n && status != FMP_OK; i++) {
    fmp_tensor_release(dx[i]);
    dx[i] = NULL;
  }
  return status;
}

/* -- parameters ------------------------------------------------------------ */

/* Backward: which values does the loss depend on? In program order one pass is enough. */
static void mark_ancestors(const fmp_graph *g, unsigned char *marked)
{
  for (uint32_t k = g->n_nodes; k-- > 0;) {
    const fmp__node *node = &g->nodes[k];
    int used = 0;
    for (uint32_t i = 0; i < node->n_out; i++) used |= node->out[i] && marked[node->out[i]];
    for (uint32_t i = 0; i < node->n_in && used; i++)
      if (!(fmp__schema_input(&node->op->schema, i)->marks & FMP_ARG_SPEC_ONLY))
        marked[node->in[i]] = 1;
  }
  marked[0] = 0;
}

/* In order of first use, which is that of their values, so the same program always gives them in
 * the same order. Borrowed: the graph holds its captures. */
fmp_status fmp_parameters_of(fmp_tensor *loss, fmp_tensor **parameters, int32_t room, int32_t *n)
{
  fmp_graph *g;
  FMP_TRY(check_loss(loss, &g));
  unsigned char *marked = fmp__alloc_zeroed(g->n_values + 1, 1);
  if (!marked) return fmp__no_memory("a loss's parameters");
  marked[loss->value] = 1;
  mark_ancestors(g, marked);
  *n = 0;
  for (uint32_t v = 1; v <= g->n_values; v++) {
    const fmp__value *value = &g->values[v];
    if (!marked[v] || value->from != FMP__FROM_CAPTURE || !value->tensor->is_parameter) continue;
    if (parameters && *n < room) parameters[*n] = value->tensor;
    (*n)++;
  }
  fmp__free(marked);
  return FMP_OK;
}
