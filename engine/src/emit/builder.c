/* SPDX-License-Identifier: Apache-2.0
 *
 * Builders. While one is lent, the graph that it emits into is the thread's, and the graph holds a
 * handle for each of its values; so a value's number is all that a plugin needs, and an op is
 * emitted on the handles behind the numbers.
 *
 * Emitting may move the graph's arrays of nodes and values: pointers into them do not outlive an
 * emission. */
#include "emit/builder.h"

#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "define/spec.h"
#include "emit/emit.h"
#include "emit/precision.h"

/* -- failures stick -------------------------------------------------------- */

void fmp__builder_fail(fmp_builder *b, fmp_status status)
{
  if (b->status != FMP_OK || status == FMP_OK) return;
  b->status = status;
  fmp__error_keep(b->text);
}

/* -- where each function may be called ------------------------------------- */

/* What this thread's plugin may use now. A builder dies with the call that it was lent to; were
 * another lent in between, it would count until its own call ends. */
static _Thread_local fmp_builder *lent;

void fmp__builder_begin(fmp_builder *b)
{
  b->before = lent;
  lent = b;
  fmp__error_clear();
}

fmp_status fmp__builder_end(fmp_builder *b, fmp_status returned, const char *function)
{
  lent = b->before;
  const fmp_status status = fmp__plugin_status(returned, function);
  if (b->status == FMP_OK) return status;
  fmp__error_restore(b->text);
  return b->status;
}

/* May `function` be called with b now? If not, whatever is lent to this thread has failed. b is
 * looked at only if it is the one that is lent: any other may be gone. */
static int allowed(const fmp_builder *b, uint32_t places, const char *function)
{
  static const char *const names[] = {"nowhere", "a gradient", "a rewrite",
                                      "a gradient or rewrite"};
  if (b && b == lent && (b->place & places)) return 1;
  const fmp_status status =
      b && b == lent
          ? fmp__fail(FMP_EPLUGIN, "%s is for %s, not for %s", function, names[places],
                      names[b->place])
          : fmp__fail(FMP_EPLUGIN, "%s: expected the builder that was passed to this call, got %s",
                      function, b ? "another" : "none");
  if (lent) fmp__builder_fail(lent, status);
  return 0;
}

enum { ANYWHERE = FMP__IN_GRADIENT | FMP__IN_REWRITE };

/* An argument without which a function can do nothing. If it is missing, the builder has failed. */
static int check_given(fmp_builder *b, const void *argument, const char *function, const char *what)
{
  if (argument) return 1;
  fmp__builder_fail(b, fmp__fail(FMP_EPLUGIN, "%s: expected %s, got none", function, what));
  return 0;
}

/* A list that a plugin hands over: not too long, and there if it is not empty. */
static int check_list(fmp_builder *b, const void *items, uint32_t n, uint32_t most,
                      const char *function, const char *what)
{
  if (n <= most && (n == 0 || items)) return 1;
  fmp__builder_fail(
      b, n > most
             ? fmp__fail(FMP_EPLUGIN, "%s: expected at most %u %s, got %u", function, most, what, n)
             : fmp__fail(FMP_EPLUGIN, "%s: expected %u %s, got none", function, n, what));
  return 0;
}

/* -- values and indices ---------------------------------------------------- */

static int is_value(const fmp_builder *b, fmp_value v) { return v > 0 && v <= b->graph->n_values; }

/* v is 0 or a value of the graph. If it is not, or something failed before, returns 0. */
static int check_value(fmp_builder *b, fmp_value v)
{
  if (b->status != FMP_OK) return 0;
  if (v == 0 || is_value(b, v)) return 1;
  fmp__builder_fail(b, fmp__fail(FMP_EINVAL, "value %u is not one of this graph", v));
  return 0;
}

static int check_index(fmp_builder *b, uint32_t i, uint32_t n, const char *what)
{
  if (b->status != FMP_OK) return 0;
  if (i < n) return 1;
  fmp__builder_fail(b, fmp__fail(FMP_EINVAL, "expected %s below %u, got %u", what, n, i));
  return 0;
}

/* What the plugin's author calls value v of this node; NULL: it is none of its arguments. */
static const char *argument_name(const fmp__node *node, fmp_value v)
{
  for (uint32_t i = 0; i < node->n_in; i++)
    if (node->in[i] == v) return fmp__schema_input(&node->op->schema, i)->name;
  for (uint32_t i = 0; i < node->n_out; i++)
    if (node->out[i] == v) return node->op->schema.out[i].name;
  return NULL;
}

/* A gradient wants inputs as its op read them, and outputs as it made them. If a later node has
 * written the memory since, only the spec may be used, and this fails. If one may have, because
 * inputs and captures may turn out to share memory, the value is pinned and the plan sees to it at
 * each run. v is 0 or a value. */
static int check_fresh(fmp_builder *b, fmp_value v)
{
  const fmp__node *node = b->op ? &b->graph->nodes[b->node] : NULL;
  const fmp__value *root = &b->graph->values[fmp__graph_root(b->graph, v)];
  if (!node || fmp__graph_written(b->graph, v) <= node->n_before) return 1;
  const char *name = argument_name(node, v);
  if (!name) return 1;
  fmp__graph_pin(b->graph, v);
  if (root->written <= node->n_before) return 1;
  fmp__builder_fail(b, fmp__fail(FMP_ESTATE,
                                 "%s was written after the op ran, but its gradient needs the "
                                 "earlier value",
                                 name));
  return 0;
}

/* -- emitting -------------------------------------------------------------- */

/* Emits on the handles of the values. Only output 0 is asked for; the graph keeps all of them. */
static fmp_status emit_on_values(fmp_builder *b, const fmp_op *op, void *params,
                                 const fmp_value *in, uint32_t n_in, fmp_value *first)
{
  fmp_tensor **tensors = fmp__alloc_zeroed(n_in + 1, sizeof *tensors);
  fmp_tensor *out = NULL;
  if (!tensors) {
    fmp__params_free(&op->attrs, params);
    return fmp__no_memory("an op's inputs");
  }
  for (uint32_t i = 0; i < n_in; i++) tensors[i] = in[i] ? b->graph->values[in[i]].tensor : NULL;
  const uint32_t wanted = op->schema.n_out > 0;
  const fmp_status status = fmp__emit(op, params, tensors, n_in, &out, wanted);
  fmp__free(tensors);
  if (status != FMP_OK) return status;
  *first = out ? out->value : 0;
  fmp_tensor_release(out);
  return FMP_OK;
}

/* Freshness is a matter of the data, so inputs of which only the spec is read are not asked. */
fmp_value fmp__builder_emit_op(fmp_builder *b, const fmp_op *op, const fmp_attr *attrs,
                               uint32_t n_attr, const fmp_value *in, uint32_t n_in)
{
  void *params;
  fmp_value first = 0;
  for (uint32_t i = 0; i < n_in; i++) {
    if (!check_value(b, in[i])) return 0;
    if (i >= op->schema.n_in && !op->schema.group) break; /* refused by the emission */
    const uint32_t marks = fmp__schema_input(&op->schema, i)->marks;
    if (!(marks & FMP_ARG_SPEC_ONLY) && !check_fresh(b, in[i])) return 0;
  }
  if (b->status != FMP_OK) return 0;
  fmp_status status = fmp__params_new(&op->attrs, attrs, n_attr, &params);
  if (status != FMP_OK)
    status = fmp__fail_in(status, "%s", op->def.name);
  else
    status = emit_on_values(b, op, params, in, n_in, &first);
  fmp__builder_fail(b, status);
  return first;
}

/* What a gradient emits must stand in its definition, so that an op that is missing shows when the
 * plugin is loaded: docs/decisions/gradient-ops-are-listed.md. Without a list there is nothing to
 * check. */
static fmp_status check_listed(const fmp_builder *b, const char *op)
{
  if (!b->op || !b->op->def.gradient_ops || fmp__has_word(b->op->def.gradient_ops, op))
    return FMP_OK;
  return fmp__fail(FMP_EPLUGIN, "its gradient emits '%s', which its gradient_ops does not list",
                   op);
}

fmp_value fmp__builder_emit(fmp_builder *b, const char *name, const fmp_attr *attrs,
                            uint32_t n_attr, const fmp_value *in, uint32_t n_in)
{
  const fmp_op *op = NULL;
  if (!allowed(b, ANYWHERE, "emit") || b->status != FMP_OK) return 0;
  if (!check_given(b, name, "emit", "the name of an op") ||
      !check_list(b, attrs, n_attr, FMP__MAX_ATTRS, "emit", "attributes") ||
      !check_list(b, in, n_in, FMP__MAX_INPUTS, "emit", "inputs"))
    return 0;
  fmp_status status = check_listed(b, name);
  if (status == FMP_OK) status = fmp_op_find(name, &op);
  fmp__builder_fail(b, status);
  return op && status == FMP_OK ? fmp__builder_emit_op(b, op, attrs, n_attr, in, n_in) : 0;
}

/* Inputs and captures have no node, and so no outputs. */
fmp_value fmp__builder_output(fmp_builder *b, fmp_value v, uint32_t i)
{
  if (!allowed(b, ANYWHERE, "output") || !check_value(b, v) || v == 0) return 0;
  const fmp__value *value = &b->graph->values[v];
  const uint32_t n = value->from == FMP__FROM_NODE ? b->graph->nodes[value->node].n_out : 0;
  return check_index(b, i, n, "an output") ? b->graph->nodes[value->node].out[i] : 0;
}

void fmp__builder_spec(fmp_builder *b, fmp_value v, fmp_spec *spec)
{
  if (spec) memset(spec, 0, sizeof *spec);
  if (!allowed(b, ANYWHERE, "spec") || !check_given(b, spec, "spec", "a place for it")) return;
  if (check_value(b, v) && v) *spec = b->graph->values[v].spec;
}

/* -- gradients ------------------------------------------------------------- */

/* The node that is differentiated; NULL: not in a gradient. */
static const fmp__node *node_in_gradient(const fmp_builder *b, const char *function)
{
  return allowed(b, FMP__IN_GRADIENT, function) ? &b->graph->nodes[b->node] : NULL;
}

uint32_t fmp__builder_grad_inputs(fmp_builder *b)
{
  const fmp__node *node = node_in_gradient(b, "grad_inputs");
  return node ? node->n_in : 0;
}

int32_t fmp__builder_grad_wants(fmp_builder *b, uint32_t i)
{
  const fmp__node *node = node_in_gradient(b, "grad_wants");
  return node && check_index(b, i, node->n_in, "an input") && b->wanted[i];
}

fmp_value fmp__builder_grad_in(fmp_builder *b, uint32_t i)
{
  const fmp__node *node = node_in_gradient(b, "grad_in");
  return node && check_index(b, i, node->n_in, "an input") ? node->in[i] : 0;
}

fmp_value fmp__builder_grad_out(fmp_builder *b, uint32_t i)
{
  const fmp__node *node = node_in_gradient(b, "grad_out");
  return node && check_index(b, i, node->n_out, "an output") ? node->out[i] : 0;
}

fmp_value fmp__builder_grad_dout(fmp_builder *b, uint32_t i)
{
  const fmp__node *node = node_in_gradient(b, "grad_dout");
  return node && check_index(b, i, node->n_out, "an output") ? b->douts[i] : 0;
}

/* A gradient that is set twice would have to be added up, which is the op's own business. */
static int check_first(fmp_builder *b, const fmp__node *node, uint32_t i)
{
  if (!b->set[i]) return b->set[i] = 1;
  fmp__builder_fail(b, fmp__fail(FMP_EPLUGIN, "it sets the gradient for input %s (number %u) twice",
                                 fmp__schema_input(&node->op->schema, i)->name, i));
  return 0;
}

/* The gradient must have exactly the spec of its input: the engine adds gradients up and hands them
 * out as they are. Only between f32 and bf16 is it cast. */
void fmp__builder_grad_set(fmp_builder *b, uint32_t i, fmp_value dx)
{
  const fmp__node *node = node_in_gradient(b, "grad_set");
  if (!node || !check_value(b, dx) || !check_index(b, i, node->n_in, "an input")) return;
  if (!b->wanted[i] || !check_first(b, node, i) || dx == 0 || !check_fresh(b, dx)) return;
  fmp__builder_fail(b,
                    fmp__precision_match(b->graph, b->graph->values[node->in[i]].spec.dtype, &dx));
  if (b->status != FMP_OK) return;
  node = &b->graph->nodes[b->node]; /* a cast has perhaps moved the array */
  const fmp_spec *x = &b->graph->values[node->in[i]].spec, *d = &b->graph->values[dx].spec;
  if (fmp__spec_equal(x, d)) {
    b->dx[i] = dx;
    return;
  }
  char tx[FMP_SPEC_TEXT], td[FMP_SPEC_TEXT];
  fmp__builder_fail(b, fmp__fail(FMP_ESHAPE, "expected its gradient for input %s to be %s, got %s",
                                 fmp__schema_input(&node->op->schema, i)->name,
                                 fmp_spec_text(x, tx), fmp_spec_text(d, td)));
}

/* -- rewrites -------------------------------------------------------------- */

/* Node k of the chain; NULL: not in a rewrite, or there is none, and the builder has failed. */
static const fmp__node *chain_node(fmp_builder *b, uint32_t k, const char *function)
{
  if (!allowed(b, FMP__IN_REWRITE, function)) return NULL;
  if (!check_index(b, k, b->chain_length, "a node of the chain")) return NULL;
  return &b->graph->nodes[b->chain[k]];
}

const void *fmp__builder_node_params(fmp_builder *b, uint32_t k)
{
  const fmp__node *node = chain_node(b, k, "node_params");
  return node ? node->params : NULL;
}

int32_t fmp__builder_node_attr(fmp_builder *b, uint32_t k, const char *name, fmp_attr *attr)
{
  const fmp__node *node = chain_node(b, k, "node_attr");
  if (!node || !check_given(b, name, "node_attr", "the name of an attribute") ||
      !check_given(b, attr, "node_attr", "a place for it"))
    return 0;
  return fmp__params_get(&node->op->attrs, node->params, name, attr);
}

fmp_value fmp__builder_node_in(fmp_builder *b, uint32_t k, uint32_t i)
{
  const fmp__node *node = chain_node(b, k, "node_in");
  return node && check_index(b, i, node->n_in, "an input") ? node->in[i] : 0;
}

/* The spec is compared when the rewrite has returned (rewrite.c). Of two calls for one output the
 * last counts. */
void fmp__builder_replace(fmp_builder *b, uint32_t output, fmp_value v)
{
  if (!allowed(b, FMP__IN_REWRITE, "replace")) return;
  const fmp__node *last = &b->graph->nodes[b->chain[b->chain_length - 1]];
  if (!check_value(b, v) || !check_index(b, output, last->n_out, "an output")) return;
  b->replacements[output] = v;
}

/* It is the same op of the program still, so it keeps its key: a rewrite changes no draw. The op's
 * own node is the last that its emission appends. */
fmp_value fmp__builder_emit_node(fmp_builder *b, uint32_t k, const fmp_value *in, uint32_t n_in)
{
  void *params;
  fmp_value first = 0;
  const fmp__node *node = chain_node(b, k, "emit_node");
  if (!node || !check_list(b, in, n_in, FMP__MAX_INPUTS, "emit_node", "inputs")) return 0;
  for (uint32_t i = 0; i < n_in; i++)
    if (!check_value(b, in[i])) return 0;
  const fmp_op *op = node->op;
  const uint64_t random_key = node->random_key;
  fmp_status status = fmp__params_copy(&op->attrs, node->params, &params);
  if (status == FMP_OK) status = emit_on_values(b, op, params, in, n_in, &first);
  if (status == FMP_OK) b->graph->nodes[b->graph->n_nodes - 1].random_key = random_key;
  fmp__builder_fail(b, status);
  return first;
}
