/* SPDX-License-Identifier: Apache-2.0
 *
 * One emission. An op without attributes allocates nothing here: the arrays of most ops fit into
 * the emission itself, which lies on the stack. (An eager op used to make ten allocations; now it
 * makes three, all of them for its output.) */
#include "emit/node.h"

#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "base/stop.h"
#include "device/stretch.h"
#include "device/tensor.h"
#include "emit/eager.h"
#include "emit/host_op.h"
#include "emit/record.h"
#include "fmp/api.h"
#include "graph/scope.h"

/* -- one emission ---------------------------------------------------------- */

/* Specs first and then pointers and numbers, so that each part is aligned for the next. */
static fmp_status allocate(fmp__emission *e)
{
  const size_t pointers = (size_t)(e->n_in + e->n_out) * sizeof(fmp_tensor *);
  const size_t specs = (size_t)(e->n_in + e->n_out) * sizeof(fmp_spec);
  const size_t bytes = pointers + specs + e->n_in * sizeof(uint32_t);
  char *at = e->room;
  if (bytes > sizeof e->room) {
    at = e->block = fmp__alloc(bytes);
    if (!at) return fmp__no_memory("an op's arguments");
  }
  memset(at, 0, bytes);
  e->in_specs = (fmp_spec *)(void *)at;
  e->out_specs = e->in_specs + e->n_in;
  e->in = (fmp_tensor **)(void *)(at + specs);
  e->out = e->in + e->n_in;
  e->values = (uint32_t *)(void *)(at + specs + pointers);
  return FMP_OK;
}

/* The message depends on the schema: a fixed number, a range, or rounds of a variadic group. */
static fmp_status check_count(const fmp_op *op, uint32_t n_in)
{
  const fmp__schema *s = &op->schema;
  if (fmp__schema_takes(s, n_in) && n_in <= FMP__MAX_INPUTS) return FMP_OK;
  if (s->group > 1)
    return fmp__fail(FMP_EINVAL, "expected %u inputs or a multiple of %u more %s, got %u", s->n_in,
                     s->group, op->def.schema, n_in);
  return fmp__fail(FMP_EINVAL, "expected %u%s input%s %s, got %u", s->required,
                   s->group || s->n_in > s->required ? " or more" : "",
                   s->required == 1 && s->n_in == 1 ? "" : "s", op->def.schema, n_in);
}

/* All inputs of an op are on one device: the engine copies nothing between devices unasked. A
 * tensor that was emptied may serve where only its spec is read: gradients ask for shapes of what a
 * recording has given up since. */
static fmp_status take_input(fmp__emission *e, uint32_t i, fmp_tensor *t)
{
  const fmp__arg *arg = fmp__schema_input(&e->op->schema, i);
  if (!t && (arg->marks & FMP_ARG_OPTIONAL)) return FMP_OK;
  if (!t)
    return fmp__fail(FMP_EINVAL, "input %s is missing: expected %s", arg->name, e->op->def.schema);
  if (fmp__tensor_is_empty(t) && !(t->graph && (arg->marks & FMP_ARG_SPEC_ONLY)))
    FMP_TRY(fmp__tensor_require(t));
  if (e->device && t->device != e->device)
    return fmp__fail(FMP_EDEVICE, "expected %s on %s like the inputs before it, got one on %s",
                     arg->name, e->device->name, t->device->name);
  e->device = t->device;
  e->in[i] = t;
  e->in_specs[i] = t->spec;
  return FMP_OK;
}

/* What an op writes, it must not see by another input as well. Only tensors that have memory now
 * can be compared here; of traced ones the plan knows more (plan_share.c). */
static fmp_status check_written(const fmp__emission *e)
{
  fmp__stretch few[16], *s = few;
  if (e->n_in > sizeof few / sizeof *few && !(s = fmp__alloc_zeroed(e->n_in, sizeof *s)))
    return fmp__no_memory("an op's inputs");
  for (uint32_t i = 0; i < e->n_in; i++) {
    const fmp_tensor *t = e->in[i];
    s[i] = t && t->storage ? fmp__stretch_of(&t->spec, t->strides, t->storage, t->offset)
                           : (fmp__stretch){0};
  }
  const fmp_status status = fmp__check_written_apart(e->op, s, e->n_in);
  if (s != few) fmp__free(s);
  return status;
}

/* An op without inputs goes to the trace's device, or to the thread's default. */
static fmp_status take_inputs(fmp__emission *e, fmp_tensor *const *in, uint32_t given)
{
  for (uint32_t i = 0; i < e->n_in; i++) FMP_TRY(take_input(e, i, i < given ? in[i] : NULL));
  if (e->op->writes) FMP_TRY(check_written(e));
  if (e->device) return FMP_OK;
  if (e->graph && e->graph->tracing) e->device = e->graph->device;
  return e->device ? FMP_OK : fmp_device_default(&e->device);
}

/* -- running and remembering ----------------------------------------------- */

/* Taken when the op is emitted; an op that then fails has used up its ordinal. So keys cannot be
 * found out from a graph's nodes again, and saved graphs store them. */
static fmp_status choose_random_key(fmp__emission *e)
{
  if (!(e->op->def.flags & FMP_OP_RANDOM)) return FMP_OK;
  if (e->graph) return fmp__ordinals_next(&e->graph->ordinals, fmp_scope_path(), &e->random_key);
  e->random_key = fmp__eager_key(fmp_scope_path());
  return FMP_OK;
}

/* Inside a recording all optional outputs are made, since a gradient may want them later. There
 * the recording's step is used; a random op that runs by itself takes a step of the thread's
 * generator. */
static fmp_status run_now(fmp__emission *e)
{
  const int recording = e->graph != NULL;
  fmp__generator *generator = fmp__generator_now();
  const fmp__generator g = *generator;
  if (!recording && (e->op->def.flags & FMP_OP_RANDOM)) generator->step++;
  const fmp__eager eager = {.op = e->op,
                            .params = e->params,
                            .device = e->device,
                            .in = e->in,
                            .in_specs = e->in_specs,
                            .n_in = e->n_in,
                            .n_out = e->n_out,
                            .wanted = recording ? e->n_out : e->wanted,
                            .seed = g.seed,
                            .step = g.step,
                            .random_key = e->random_key};
  return fmp__is_host_op_for(e->op, e->device) ? fmp__host_op_run(&eager, e->out)
                                               : fmp__eager_run(&eager, e->out);
}

fmp__work fmp__emission_work(const fmp__emission *e)
{
  return (fmp__work){.op = e->op,
                     .params = e->params,
                     .device = e->device,
                     .in = e->in_specs,
                     .out = e->out_specs,
                     .n_in = e->n_in,
                     .n_out = e->n_out};
}

/* Tracing: handles without storage, for the outputs that the op makes with these inputs. */
static fmp_status infer_only(fmp__emission *e)
{
  const fmp__work work = fmp__emission_work(e);
  FMP_TRY(fmp__infer(&work));
  for (uint32_t i = 0; i < e->n_out; i++)
    if (e->out_specs[i].dtype != FMP_NONE)
      FMP_TRY(fmp__tensor_bare(e->device, &e->out_specs[i], &e->out[i]));
  return FMP_OK;
}

/* Tensors from outside become captures here. */
static fmp_status find_values(fmp__emission *e)
{
  for (uint32_t i = 0; i < e->n_in; i++)
    if (e->in[i]) FMP_TRY(fmp__graph_value(e->graph, e->in[i], &e->values[i]));
  return FMP_OK;
}

/* The node gets its place before anything runs, so that all that runs is remembered: an op that has
 * written a parameter or taken an example cannot be undone. After the reservation only the op
 * itself can fail. */
static fmp_status remember(fmp__emission *e)
{
  fmp__node node;
  fmp_graph *g = e->graph;
  FMP_TRY(find_values(e));
  FMP_TRY(fmp__graph_reserve(g, e->op, e->values, e->n_in, e->n_out, fmp_scope_path(), &node));
  const fmp_status status = g->tracing ? infer_only(e) : run_now(e);
  if (status != FMP_OK) {
    fmp__graph_unreserve(&node);
    return status;
  }
  fmp__graph_append(g, &node, e->params, e->out, e->random_key);
  e->params = NULL;
  return FMP_OK;
}

fmp_status fmp__emission_run(fmp__emission *e)
{
  FMP_TRY(choose_random_key(e));
  if (e->graph) return remember(e);
  for (uint32_t i = 0; i < e->n_in; i++)
    if (e->in[i]) FMP_TRY(fmp__tensor_require(e->in[i]));
  return run_now(e);
}

/* -- from begin to end ----------------------------------------------------- */

/* The path of scopes, then the op. */
fmp_status fmp__fail_where(const fmp_op *op, fmp_status status)
{
  const char *scope = fmp_scope_path();
  return fmp__fail_in(status, "%s%s%s", scope, *scope ? ": " : "", op->def.name);
}

/* Only the fields in front of `room` are cleared: clearing a kilobyte would be felt by small ops.
 * This is also where each op looks whether somebody asked to stop. */
fmp_status fmp__emission_begin(fmp__emission *e, const fmp_op *op, void *params,
                               fmp_tensor *const *in, uint32_t n_in, uint32_t n_out)
{
  memset(e, 0, offsetof(fmp__emission, room));
  e->op = op;
  e->params = params;
  e->graph = fmp__graph_now();
  if (e->graph) {
    e->n_nodes = e->graph->n_nodes;
    e->n_values = e->graph->n_values;
  }
  e->n_in = n_in > op->schema.n_in ? n_in : op->schema.n_in;
  e->n_out = op->schema.n_out;
  e->wanted = n_out;
  fmp__error_clear();
  FMP_TRY(check_count(op, n_in));
  if (n_out > e->n_out)
    return fmp__fail(FMP_EINVAL, "expected a request for at most %u outputs, got one for %u",
                     e->n_out, n_out);
  FMP_TRY(fmp__check_interrupt());
  FMP_TRY(allocate(e));
  return take_inputs(e, in, n_in);
}

/* Outputs that were not asked for stay with the emission, and with the graph if there is one. */
static void hand_over(fmp__emission *e, fmp_tensor **out)
{
  for (uint32_t i = 0; i < e->wanted; i++) {
    out[i] = e->out[i];
    e->out[i] = NULL;
  }
}

/* An op that fails leaves nothing in the graph: neither casts of its inputs, nor tensors that only
 * it would have captured, which a plan would want to have a value. */
fmp_status fmp__emission_end(fmp__emission *e, fmp_status status, fmp_tensor **out)
{
  if (status == FMP_OK)
    hand_over(e, out);
  else if (e->graph)
    fmp__graph_forget(e->graph, e->n_nodes, e->n_values);
  if (e->out)
    for (uint32_t i = 0; i < e->n_out; i++) fmp_tensor_release(e->out[i]);
  fmp__params_free(&e->op->attrs, e->params);
  fmp__free(e->block);
  return status == FMP_OK ? FMP_OK : fmp__fail_where(e->op, status);
}
