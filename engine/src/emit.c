/* SPDX-License-Identifier: Apache-2.0 */
#include "emit.h"

#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#include "context.h"
#include "eager.h"
#include "graph.h"
#include "kernel.h"
#include "locks.h"
#include "memory.h"
#include "precision.h"
#include "status.h"

/* -- interruption ---------------------------------------------------------- */

/* One number is all that each op looks at. */
enum { NOTHING, INTERRUPTED, FORKED };
static atomic_int stopped;

static int change_stopped(int from, int to)
{
  return atomic_compare_exchange_strong(&stopped, &from, to);
}

void fmp_interrupt(void) { change_stopped(NOTHING, INTERRUPTED); }

void fmp_interrupt_clear(void) { change_stopped(INTERRUPTED, NOTHING); }

void fmp__stop_for_good(void) { atomic_store(&stopped, FORKED); }

fmp_status fmp__check_interrupt(void)
{
  if (!atomic_load_explicit(&stopped, memory_order_relaxed)) return FMP_OK;
  if (change_stopped(INTERRUPTED, NOTHING)) return fmp__fail(FMP_EINTERRUPTED, "interrupted");
  return fmp__check_forked();
}

/* -- one emission ---------------------------------------------------------- */

/* All that is known about an op that is being emitted. Arrays are n_in or n_out long. */
typedef struct emission {
  const fmp_op *op;
  void *params;
  fmp_device *device;
  uint32_t n_in, n_out;
  fmp_tensor **in;  /* trailing optional inputs filled up with NULL */
  fmp_tensor **out; /* one reference each */
  fmp_spec *in_specs, *out_specs;
  uint32_t *values; /* of the inputs, in the graph */
  uint32_t wanted;  /* outputs that the caller asks for */
  uint64_t random_key;
  void *block; /* NULL: they lie in the room of the caller's stack */
} emission;

/* Bytes that suffice for the arrays of most ops. */
enum { ROOM_BYTES = 1024 };

static fmp_status allocate(emission *e, void *room)
{
  const size_t pointers = (size_t)(e->n_in + e->n_out) * sizeof(fmp_tensor *);
  const size_t specs = (size_t)(e->n_in + e->n_out) * sizeof(fmp_spec);
  const size_t bytes = pointers + specs + e->n_in * sizeof(uint32_t);
  char *at = room;
  if (bytes > ROOM_BYTES) {
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

static fmp_status take_input(emission *e, uint32_t i, fmp_tensor *t)
{
  const fmp__arg *arg = fmp__schema_input(&e->op->schema, i);
  if (!t && (arg->marks & FMP_ARG_OPTIONAL)) return FMP_OK;
  if (!t)
    return fmp__fail(FMP_EINVAL, "input %s is missing: expected %s", arg->name, e->op->def.schema);
  /* Gradients may ask for the spec of what was emptied meanwhile. */
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

static fmp_status take_inputs(emission *e, fmp_tensor *const *in, uint32_t given)
{
  for (uint32_t i = 0; i < e->n_in; i++) FMP_TRY(take_input(e, i, i < given ? in[i] : NULL));
  if (e->device) return FMP_OK;
  const fmp__context *c = fmp__context_now();
  if (c->graph && c->graph->tracing) e->device = c->graph->device;
  return e->device ? FMP_OK : fmp_device_default(&e->device);
}

/* -- running and remembering ----------------------------------------------- */

static fmp_status choose_random_key(emission *e)
{
  fmp__context *c = fmp__context_now();
  if (!(e->op->def.flags & FMP_OP_RANDOM)) return FMP_OK;
  if (c->graph) return fmp__ordinals_next(&c->graph->ordinals, c->scope, &e->random_key);
  e->random_key = fmp__eager_key(c->scope);
  return FMP_OK;
}

static fmp_status run_now(emission *e)
{
  fmp__context *c = fmp__context_now();
  const fmp__generator g = c->graph ? c->graph->generator : c->generator;
  if (!c->graph && (e->op->def.flags & FMP_OP_RANDOM)) c->generator.step++;
  const fmp__eager eager = {.op = e->op,
                            .params = e->params,
                            .device = e->device,
                            .in = e->in,
                            .in_specs = e->in_specs,
                            .n_in = e->n_in,
                            .n_out = e->n_out,
                            .wanted = c->graph ? e->n_out : e->wanted,
                            .seed = g.seed,
                            .step = g.step,
                            .random_key = e->random_key};
  return fmp__eager_run(&eager, e->out);
}

static fmp__work work_of(const emission *e)
{
  return (fmp__work){.op = e->op,
                     .params = e->params,
                     .device = e->device,
                     .in = e->in_specs,
                     .out = e->out_specs,
                     .n_in = e->n_in,
                     .n_out = e->n_out};
}

static fmp_status cast_inputs(emission *e)
{
  const fmp__work work = work_of(e);
  return fmp__precision_inputs(&work, e->in, e->in_specs);
}

/* Handles without values, for the graph that is traced. */
static fmp_status infer_only(emission *e)
{
  const fmp__work work = work_of(e);
  FMP_TRY(fmp__infer(&work));
  for (uint32_t i = 0; i < e->n_out; i++)
    if (e->out_specs[i].dtype != FMP_NONE)
      FMP_TRY(fmp__tensor_bare(e->device, &e->out_specs[i], &e->out[i]));
  return FMP_OK;
}

static fmp_status find_values(emission *e, fmp_graph *g)
{
  for (uint32_t i = 0; i < e->n_in; i++)
    if (e->in[i]) FMP_TRY(fmp__graph_value(g, e->in[i], &e->values[i]));
  return FMP_OK;
}

/* What is to be remembered has its place before anything runs. */
static fmp_status remember(emission *e, fmp_graph *g)
{
  fmp__node node;
  FMP_TRY(find_values(e, g));
  FMP_TRY(fmp__graph_reserve(g, e->op, e->values, e->n_in, e->n_out, fmp_scope_path(), &node));
  const fmp_status status = g->tracing ? infer_only(e) : run_now(e);
  if (status != FMP_OK) {
    fmp__graph_unreserve(&node);
    return status;
  }
  fmp__graph_append(g, &node, e->params, e->out, e->random_key);
  e->params = NULL;
  fmp__precision_note(g);
  return FMP_OK;
}

static fmp_status run_or_trace(emission *e)
{
  fmp_graph *g = fmp__context_now()->graph;
  FMP_TRY(choose_random_key(e));
  if (!g) {
    for (uint32_t i = 0; i < e->n_in; i++)
      if (e->in[i]) FMP_TRY(fmp__tensor_require(e->in[i]));
    return run_now(e);
  }
  const uint32_t n_nodes = g->n_nodes, n_values = g->n_values;
  const fmp_status status = remember(e, g);
  if (status != FMP_OK) fmp__graph_forget(g, n_nodes, n_values);
  return status;
}

static void hand_over(emission *e, fmp_tensor **out)
{
  for (uint32_t i = 0; i < e->wanted; i++) {
    out[i] = e->out[i];
    e->out[i] = NULL;
  }
}

static void end_emission(emission *e)
{
  if (e->out)
    for (uint32_t i = 0; i < e->n_out; i++) fmp_tensor_release(e->out[i]);
  fmp__params_free(&e->op->attrs, e->params);
  fmp__free(e->block);
}

/* "cifar_fmp/3: conv2d: " in front of the text. */
static fmp_status fail_where(const fmp_op *op, fmp_status status)
{
  const char *scope = fmp_scope_path();
  return fmp__fail_in(status, "%s%s%s", scope, *scope ? ": " : "", op->def.name);
}

fmp_status fmp__emit(const fmp_op *op, void *params, fmp_tensor *const *in, uint32_t n_in,
                     fmp_tensor **out, uint32_t n_out)
{
  emission e = {.op = op, .params = params, .n_out = op->schema.n_out, .wanted = n_out};
  _Alignas(max_align_t) char room[ROOM_BYTES];
  e.n_in = n_in > op->schema.n_in ? n_in : op->schema.n_in;
  fmp__error_clear();
  fmp_status status = check_count(op, n_in);
  if (status == FMP_OK && n_out > e.n_out)
    status = fmp__fail(FMP_EINVAL, "expected at most %u outputs to be asked for, got %u", e.n_out,
                       n_out);
  if (status == FMP_OK) status = fmp__check_interrupt();
  if (status == FMP_OK) status = allocate(&e, room);
  if (status == FMP_OK) status = take_inputs(&e, in, n_in);
  if (status == FMP_OK) status = cast_inputs(&e);
  if (status == FMP_OK) status = run_or_trace(&e);
  if (status == FMP_OK) hand_over(&e, out);
  end_emission(&e);
  return status == FMP_OK ? FMP_OK : fail_where(op, status);
}

static fmp_status check_arrays(const fmp_attr *attrs, int32_t n_attr, fmp_tensor *const *in,
                               int32_t n_in, fmp_tensor **out, int32_t n_out)
{
  FMP_TRY(fmp__require_array(attrs, n_attr, "attributes"));
  FMP_TRY(fmp__require_array(in, n_in, "inputs"));
  return fmp__require_array(out, n_out, "room for the outputs");
}

fmp_status fmp_emit(const fmp_op *op, const fmp_attr *attrs, int32_t n_attr, fmp_tensor *const *in,
                    int32_t n_in, fmp_tensor **out, int32_t n_out)
{
  void *params;
  FMP_TRY(fmp__require(op, "an op"));
  if (n_attr < 0 || n_in < 0 || n_out < 0)
    return fmp__fail(FMP_EINVAL, "%s: expected counts from 0 up", op->def.name);
  fmp_status status = check_arrays(attrs, n_attr, in, n_in, out, n_out);
  if (status == FMP_OK) status = fmp__params_new(&op->attrs, attrs, (uint32_t)n_attr, &params);
  if (status != FMP_OK) return fail_where(op, status);
  return fmp__emit(op, params, in, (uint32_t)n_in, out, (uint32_t)n_out);
}
