/* SPDX-License-Identifier: Apache-2.0
 *
 * Building a plan, in this order: the graph is rewritten and pruned; each value gets a slot; nodes
 * are walked in program order, shapes inferred anew for the specs of this plan, aliases laid out
 * over their inputs, and all others given a kernel, with copies of strided inputs put in where the
 * kernel wants contiguous ones; outputs get places of their own; what nobody reads is dropped; and
 * what is left is placed in the arena (plan_place.c). */
#include "plan/plan.h"

#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "define/spec.h"
#include "device/stream.h"
#include "emit/host_op.h"
#include "emit/rewrite.h"
#include "kernel/autotune.h"
#include "kernel/choose.h"

/* A plan being built. Until it is complete it may hold anything that free_plan() can free. */
typedef struct building {
  fmp_plan *plan;
  const fmp_graph *graph;
  const fmp_spec *input_specs; /* NULL: as traced */
  const fmp_plan *like;        /* NULL, or a plan of the same graph: its captures are taken */
  void *stream;
  fmp__pruned pruned;
  fmp_spec *specs; /* of the node at hand: inputs, then outputs */
} building;

/* -- slots ----------------------------------------------------------------- */

/* A new root, in the arena until something else is decided. 0: out of memory. */
static uint32_t add_slot(fmp_plan *p, const fmp_spec *spec)
{
  const uint32_t v = p->n_slots + 1;
  if (!fmp__grow((void **)&p->slots, &p->slots_room, v, sizeof *p->slots)) return 0;
  p->slots[v] = (fmp__slot){.spec = *spec, .root = v, .place = FMP__PLACE_ARENA};
  fmp__strides_of(spec, p->slots[v].strides);
  p->n_slots = v;
  return v;
}

/* The plan shares the storage, so it outlives the tensor. `offset` counts from the storage's
 * start. */
static void place_capture(fmp__slot *slot, fmp__storage *storage, int64_t offset,
                          const int64_t *strides)
{
  slot->place = FMP__PLACE_CAPTURE;
  slot->storage = fmp__storage_retain(storage);
  slot->offset = offset;
  memcpy(slot->strides, strides, sizeof slot->strides);
}

/* A tensor may have been emptied since an earlier plan captured it; the plan that is made anew for
 * other threads goes on with the memory which that one has. */
static fmp_status add_capture(building *b, uint32_t v)
{
  const fmp_tensor *t = b->graph->values[v].tensor;
  const fmp__slot *same = b->like ? &b->like->slots[v] : NULL;
  if (same) {
    place_capture(&b->plan->slots[v], same->storage, same->offset, same->strides);
    return FMP_OK;
  }
  FMP_TRY(fmp__tensor_require(t));
  place_capture(&b->plan->slots[v], t->storage, t->offset, t->strides);
  return FMP_OK;
}

/* One slot for each value of the graph, by its number; inputs get the specs of this plan. */
static fmp_status add_value_slots(building *b)
{
  for (uint32_t v = 1; v <= b->graph->n_values; v++) {
    const fmp__value *value = &b->graph->values[v];
    const int is_input = value->from == FMP__FROM_INPUT;
    const fmp_spec *spec =
        is_input && b->input_specs ? &b->input_specs[value->index] : &value->spec;
    const uint32_t slot = add_slot(b->plan, spec);
    if (!slot) return fmp__no_memory("a plan");
    if (is_input) {
      b->plan->slots[slot].place = FMP__PLACE_INPUT;
      b->plan->slots[slot].index = value->index;
    }
    if (value->from == FMP__FROM_CAPTURE) FMP_TRY(add_capture(b, slot));
  }
  return FMP_OK;
}

static void view_of(const fmp__slot *slot, void *root_memory, fmp_view *view)
{
  memset(view, 0, sizeof *view);
  view->data = root_memory ? (char *)root_memory + slot->offset : NULL;
  view->dtype = slot->spec.dtype;
  view->rank = slot->spec.rank;
  memcpy(view->shape, slot->spec.shape, sizeof view->shape);
  memcpy(view->strides, slot->strides, sizeof view->strides);
}

/* -- steps ----------------------------------------------------------------- */

static fmp_status fail_at(const fmp__node *node, fmp_status status)
{
  return fmp__fail_in(status, "%s%s%s", node->scope, *node->scope ? ": " : "", node->op->def.name);
}

/* The step counts at once, so that free_plan() frees what it has got by then. */
static fmp_status add_step(fmp_plan *p, const fmp_op *op, uint32_t n_in, uint32_t n_out,
                           fmp__step **step)
{
  if (!fmp__grow((void **)&p->steps, &p->steps_room, p->n_steps, sizeof *p->steps))
    return fmp__no_memory("a plan");
  *step = &p->steps[p->n_steps];
  memset(*step, 0, sizeof **step);
  (*step)->in = fmp__alloc_zeroed(n_in + n_out + 1, sizeof *(*step)->in);
  if (!(*step)->in) return fmp__no_memory("a plan");
  (*step)->op = op;
  (*step)->scope = "";
  (*step)->out = (*step)->in + n_in;
  (*step)->n_in = n_in;
  (*step)->n_out = n_out;
  p->n_steps++;
  return FMP_OK;
}

/* Ops of the host's run on its device, and have its threads. */
static fmp_status put_on_host(building *b, fmp__step *step, fmp__work *work)
{
  fmp_plan *p = b->plan;
  fmp__thread_stream *s;
  FMP_TRY(fmp__device_of_host(&p->host));
  FMP_TRY(fmp__stream_of_thread(p->host, &s));
  if (p->n_on_host == 0) p->host_threads = fmp__device_threads(p->host);
  step->is_on_host = 1;
  p->n_on_host++;
  work->device = p->host;
  work->stream = s->stream;
  work->threads = p->host_threads;
  return FMP_OK;
}

/* The kernel is chosen and prepared for the specs alone: views come with the instance. */
static fmp_status prepare_step(building *b, fmp__step *step, const fmp_spec *in, fmp_spec *out)
{
  fmp__work work = {.op = step->op,
                    .params = step->params,
                    .device = b->plan->device,
                    .in = in,
                    .out = out,
                    .n_in = step->n_in,
                    .n_out = step->n_out,
                    .stream = b->stream,
                    .threads = b->plan->threads};
  if (fmp__is_host_op_for(step->op, work.device)) FMP_TRY(put_on_host(b, step, &work));
  FMP_TRY(fmp__prepare(&work, &step->prepared));
  if (!step->is_on_host && (int64_t)step->prepared.scratch_bytes > b->plan->scratch_bytes)
    b->plan->scratch_bytes = (int64_t)step->prepared.scratch_bytes;
  return FMP_OK;
}

/* Adds a step that copies a slot into a new, contiguous one, by the op with the copy role. */
static fmp_status add_copy(building *b, uint32_t slot, uint32_t *copy)
{
  const fmp_op *op;
  fmp__step *step;
  fmp_spec spec = b->plan->slots[slot].spec;
  FMP_TRY(fmp__role_require(FMP_ROLE_COPY, &op));
  *copy = add_slot(b->plan, &spec);
  if (!*copy) return fmp__no_memory("a plan");
  FMP_TRY(add_step(b->plan, op, 1, 1, &step));
  FMP_TRY(fmp__params_new(&op->attrs, NULL, 0, &step->own_params));
  step->params = step->own_params;
  step->in[0] = slot;
  step->out[0] = *copy;
  b->plan->slots[slot].is_read = 1;
  b->plan->slots[*copy].is_read = 1;
  fmp_spec out_spec = spec;
  return prepare_step(b, step, &spec, &out_spec);
}

static int slot_is_contiguous(const fmp_plan *p, uint32_t slot)
{
  return fmp__is_contiguous(&p->slots[slot].spec, p->slots[slot].strides);
}

/* -- from a node to a step ------------------------------------------------- */

/* Its inputs' specs and behind them its outputs', all in b->specs. */
static fmp__work work_of(const building *b, const fmp__node *node)
{
  return (fmp__work){.op = node->op,
                     .params = node->params,
                     .device = b->plan->device,
                     .in = b->specs,
                     .out = b->specs + node->n_in,
                     .n_in = node->n_in,
                     .n_out = node->n_out};
}

/* The specs of the node's inputs, and of its outputs as inferred anew: the plan's inputs may have
 * another batch size than the trace. Dead nodes are inferred too, since specs of theirs may be
 * read. */
static fmp_status infer_node(building *b, const fmp__node *node)
{
  for (uint32_t i = 0; i < node->n_in; i++)
    b->specs[i] = node->in[i] ? b->plan->slots[node->in[i]].spec : (fmp_spec){0};
  const fmp__work work = work_of(b, node);
  const fmp_status status = fmp__infer(&work);
  if (status != FMP_OK) return fail_at(node, status);
  for (uint32_t i = 0; i < node->n_out; i++) {
    if (!node->out[i]) continue;
    b->plan->slots[node->out[i]].spec = work.out[i];
    fmp__strides_of(&work.out[i], b->plan->slots[node->out[i]].strides);
  }
  return FMP_OK;
}

/* Some address to lay views out from. Nothing is read or written through it. */
static void *nominal_memory(void) { return (void *)((uintptr_t)1 << 40); }

/* The distance that alias() has moved the data pointer by is the view's offset, from its root's
 * start. */
static fmp_status lay_out_alias(building *b, const fmp__node *node, uint32_t base)
{
  fmp_view in, out;
  const fmp__work work = work_of(b, node);
  view_of(&b->plan->slots[base], nominal_memory(), &in);
  FMP_TRY(fmp__alias(&work, &in, &out));
  fmp__slot *slot = &b->plan->slots[node->out[0]];
  slot->root = b->plan->slots[base].root;
  slot->offset = (int64_t)((uintptr_t)out.data - (uintptr_t)nominal_memory());
  memcpy(slot->strides, out.strides, sizeof slot->strides);
  return FMP_OK;
}

/* The rule for eager tensors holds here too: no view may leave its root's memory. */
static fmp_status check_alias(const fmp_plan *p, const fmp__slot *slot)
{
  const fmp__slot *root = &p->slots[slot->root];
  const int64_t bytes =
      root->place == FMP__PLACE_CAPTURE ? root->storage->bytes : fmp__spec_bytes(&root->spec);
  return fmp__check_view(&slot->spec, slot->strides, slot->offset, bytes);
}

/* If the strides do not allow a view, it becomes a view of a contiguous copy, which is tried
 * once. */
static fmp_status add_alias(building *b, const fmp__node *node)
{
  const uint32_t base = b->pruned.same[node->in[0]];
  fmp_status status = lay_out_alias(b, node, base);
  if (status == FMP_EUNSUPPORTED) {
    uint32_t copy = 0;
    status = add_copy(b, base, &copy);
    if (status == FMP_OK) status = lay_out_alias(b, node, copy);
  }
  return status == FMP_OK ? check_alias(b->plan, &b->plan->slots[node->out[0]]) : status;
}

/* The step's inputs: what stands for them after merging, or copies of those that the kernel cannot
 * take as they are: to the host go contiguous ones only. A written input cannot be a copy, since
 * the write would be lost with it. */
static fmp_status copy_strided(building *b, const fmp__node *node, const fmp__step *step,
                               uint32_t *in)
{
  const int takes_strides = !step->is_on_host && fmp__kernel_takes_strides(&step->prepared);
  for (uint32_t i = 0; i < node->n_in; i++) {
    const uint32_t marks = fmp__schema_input(&node->op->schema, i)->marks;
    in[i] = b->pruned.same[node->in[i]];
    if (!in[i] || (marks & FMP_ARG_SPEC_ONLY)) continue;
    b->plan->slots[in[i]].is_read = 1;
    if (takes_strides || slot_is_contiguous(b->plan, in[i])) continue;
    if (marks & FMP_ARG_WRITTEN)
      return fmp__fail(FMP_EINVAL, "expected a contiguous tensor for %s, which is written",
                       fmp__schema_input(&node->op->schema, i)->name);
    FMP_TRY(add_copy(b, in[i], &in[i]));
  }
  return FMP_OK;
}

/* Copies of inputs are steps of their own and come before this one; but only the kernel says which
 * are needed. So a draft is prepared first, and moved into its place afterwards. */
static fmp_status add_kernel_step(building *b, const fmp__node *node)
{
  fmp__step *step = NULL;
  fmp__step draft = {
      .op = node->op, .params = node->params, .n_in = node->n_in, .n_out = node->n_out};
  uint32_t *in = fmp__alloc_zeroed(node->n_in + 1, sizeof *in);
  if (!in) return fmp__no_memory("a plan");
  fmp_status status = prepare_step(b, &draft, b->specs, b->specs + node->n_in);
  if (status == FMP_OK) status = copy_strided(b, node, &draft, in);
  if (status == FMP_OK) status = add_step(b->plan, node->op, node->n_in, node->n_out, &step);
  if (status == FMP_OK) {
    step->params = node->params;
    step->scope = node->scope;
    step->random_key = node->random_key;
    step->is_on_host = draft.is_on_host;
    step->prepared = draft.prepared;
    memcpy(step->in, in, node->n_in * sizeof *in);
    memcpy(step->out, node->out, node->n_out * sizeof *step->out);
    b->plan->has_random |= (node->op->def.flags & FMP_OP_RANDOM) != 0;
  } else {
    fmp__prepared_release(&draft.prepared);
  }
  fmp__free(in);
  return status;
}

/* Forward, since slots of inputs must have been laid out before those that depend on them. */
static fmp_status add_nodes(building *b)
{
  for (uint32_t k = 0; k < b->graph->n_nodes; k++) {
    const fmp__node *node = &b->graph->nodes[k];
    FMP_TRY(infer_node(b, node));
    if (!b->pruned.alive[k]) continue;
    const fmp_status status = node->op->def.alias ? add_alias(b, node) : add_kernel_step(b, node);
    if (status != FMP_OK) return fail_at(node, status);
  }
  return FMP_OK;
}

/* -- outputs --------------------------------------------------------------- */

/* A value that fills a root of ours can be made in the caller's tensor at once. Anything else (a
 * view of a part, an input, a capture, what is an output already) is copied: returned tensors own
 * their storage. */
static int can_be_output(const fmp_plan *p, uint32_t slot)
{
  const fmp__slot *s = &p->slots[slot], *root = &p->slots[s->root];
  return root->place == FMP__PLACE_ARENA && s->offset == 0 && slot_is_contiguous(p, slot) &&
         fmp__spec_bytes(&s->spec) == fmp__spec_bytes(&root->spec);
}

static fmp_status add_outputs(building *b)
{
  fmp_plan *p = b->plan;
  p->outputs = fmp__alloc_zeroed(b->graph->n_outputs + 1, sizeof *p->outputs);
  if (!p->outputs) return fmp__no_memory("a plan");
  for (uint32_t i = 0; i < b->graph->n_outputs; i++) {
    uint32_t slot = b->pruned.same[b->graph->outputs[i]];
    p->slots[slot].is_read = 1;
    if (!can_be_output(p, slot)) FMP_TRY(add_copy(b, slot, &slot));
    p->slots[p->slots[slot].root].place = FMP__PLACE_OUTPUT;
    p->slots[p->slots[slot].root].index = i;
    p->outputs[i] = slot;
    p->n_outputs++;
  }
  return FMP_OK;
}

/* Reading a view reads its root. Optional outputs that nobody reads are not computed; others that
 * nobody reads still need a place to be written to. What is left without a reader has no place at
 * all. */
static void drop_unread(fmp_plan *p)
{
  for (uint32_t v = 1; v <= p->n_slots; v++)
    if (p->slots[v].is_read) p->slots[p->slots[v].root].is_read = 1;
  for (uint32_t t = 0; t < p->n_steps; t++) {
    fmp__step *step = &p->steps[t];
    for (uint32_t i = 0; i < step->n_out; i++) {
      if (!step->out[i]) continue;
      const int optional = (step->op->schema.out[i].marks & FMP_ARG_OPTIONAL) != 0;
      if (p->slots[step->out[i]].is_read || !optional)
        p->slots[step->out[i]].is_read = 1;
      else
        step->out[i] = 0;
    }
    p->n_views += step->n_in + step->n_out;
  }
  for (uint32_t v = 1; v <= p->n_slots; v++) {
    fmp__slot *slot = &p->slots[v];
    if (slot->root == v && slot->place == FMP__PLACE_ARENA && !slot->is_read)
      slot->place = FMP__PLACE_NOWHERE;
  }
}

/* -- the whole ------------------------------------------------------------- */

/* Types and ranks are part of what was traced; sizes are open, and infer says whether they fit. */
static fmp_status check_input_specs(const fmp_graph *g, const fmp_spec *specs, int32_t n)
{
  char wanted[FMP_SPEC_TEXT], got[FMP_SPEC_TEXT];
  if (!specs) return FMP_OK;
  if (n < 0 || (uint32_t)n != g->n_inputs)
    return fmp__fail(FMP_EINVAL, "expected specs of %u inputs, got %d", g->n_inputs, n);
  for (uint32_t i = 0; i < g->n_inputs; i++) {
    const fmp_spec *traced = &g->values[i + 1].spec;
    FMP_TRY(fmp__spec_check(&specs[i]));
    if (specs[i].dtype != traced->dtype || specs[i].rank != traced->rank)
      return fmp__fail(FMP_ESHAPE, "input %u: expected the type and rank of %s, got %s", i + 1,
                       fmp_spec_text(traced, wanted), fmp_spec_text(&specs[i], got));
  }
  return FMP_OK;
}

/* Two at least, for copies that the plan puts in. */
static uint32_t most_arguments(const fmp_graph *g)
{
  uint32_t most = 2;
  for (uint32_t k = 0; k < g->n_nodes; k++) {
    const uint32_t n = g->nodes[k].n_in + g->nodes[k].n_out;
    if (n > most) most = n;
  }
  return most;
}

/* The order of the phases matters: each counts on what the ones before have filled in. */
static fmp_status build(building *b)
{
  b->specs = fmp__alloc_zeroed(most_arguments(b->graph) + 1, sizeof *b->specs);
  if (!b->specs) return fmp__no_memory("a plan");
  FMP_TRY(fmp__plan_prune(b->graph, &b->pruned));
  FMP_TRY(add_value_slots(b));
  FMP_TRY(add_nodes(b));
  FMP_TRY(add_outputs(b));
  FMP_TRY(fmp__plan_note_sharing(b->plan));
  drop_unread(b->plan);
  FMP_TRY(fmp__plan_check_writes(b->plan, NULL));
  FMP_TRY(fmp__plan_place(b->plan));
  return fmp__autotune_settle();
}

/* The graph after both phases of rewrites, retained. What gradients were built on has been
 * rewritten while it was traced (gradient.c); the first phase here serves graphs without
 * gradients. */
static fmp_status rewrite_graph(fmp_graph *g, uint32_t flags, fmp_graph **rewritten)
{
  fmp_graph *before;
  if (g->no_rewrites || (flags & FMP_NO_REWRITES)) {
    fmp_graph_retain(g);
    *rewritten = g;
    return FMP_OK;
  }
  FMP_TRY(fmp__rewrite_graph(g, FMP_REWRITE_BEFORE_GRADIENTS, &before));
  const fmp_status status = fmp__rewrite_graph(before, FMP_REWRITE_AFTER_GRADIENTS, rewritten);
  fmp_graph_release(before);
  return status;
}

/* Takes over the reference to the graph. draft: what is known of the plan before it is built. */
static fmp_status new_plan(fmp_graph *g, building draft, int32_t threads, fmp_plan **plan)
{
  fmp_plan *p = fmp__alloc_zeroed(1, sizeof *p);
  if (!p) {
    fmp_graph_release(g);
    return fmp__no_memory("a plan");
  }
  atomic_init(&p->references, 1);
  p->graph = g;
  p->device = g->device;
  p->threads = threads;
  draft.plan = p;
  draft.graph = g;
  const fmp_status status = build(&draft);
  fmp__pruned_free(&draft.pruned);
  fmp__free(draft.specs);
  if (status != FMP_OK) {
    fmp_plan_release(p);
    return status;
  }
  *plan = p;
  return FMP_OK;
}

/* The thread's own stream stands for the one that the plan will run on: they have equally many
 * threads. */
fmp_status fmp_plan_new(fmp_graph *g, const fmp_spec *specs, int32_t n, uint32_t flags,
                        fmp_plan **plan)
{
  FMP_TRY(fmp__require(g, "a graph"));
  fmp_graph *rewritten;
  fmp__thread_stream *s;
  FMP_TRY(check_input_specs(g, specs, n));
  FMP_TRY(fmp__stream_of_thread(g->device, &s));
  FMP_TRY(rewrite_graph(g, flags, &rewritten));
  const building draft = {.input_specs = specs, .stream = s->stream};
  return new_plan(rewritten, draft, fmp__device_threads(g->device), plan);
}

/* From the graph as it was rewritten for the first plan, so the two differ in their kernels
 * alone. */
fmp_status fmp__plan_again(const fmp_plan *p, void *stream, int32_t threads, fmp_plan **again)
{
  const uint32_t n = p->graph->n_inputs;
  fmp_spec *specs = fmp__alloc_zeroed(n + 1, sizeof *specs);
  if (!specs) return fmp__no_memory("a plan");
  for (uint32_t i = 0; i < n; i++) specs[i] = p->slots[i + 1].spec;
  fmp_graph_retain(p->graph);
  const building draft = {.input_specs = specs, .like = p, .stream = stream};
  const fmp_status status = new_plan(p->graph, draft, threads, again);
  fmp__free(specs);
  return status;
}

void fmp_plan_retain(fmp_plan *p)
{
  if (p) atomic_fetch_add(&p->references, 1);
}

/* Storages of captures are given up here; the arena is the instances'. */
static void free_plan(fmp_plan *p)
{
  for (uint32_t t = 0; t < p->n_steps; t++) {
    fmp__step *step = &p->steps[t];
    fmp__prepared_release(&step->prepared);
    fmp__params_free(&step->op->attrs, step->own_params);
    fmp__free(step->in);
  }
  for (uint32_t v = 1; v <= p->n_slots; v++) fmp__storage_release(p->slots[v].storage);
  fmp__free(p->steps);
  fmp__free(p->slots);
  fmp__free(p->outputs);
  fmp__free(p->written);
  fmp_graph_release(p->graph);
  fmp__free(p);
}

void fmp_plan_release(fmp_plan *p)
{
  if (p && atomic_fetch_sub(&p->references, 1) == 1) free_plan(p);
}

/* -- asking ---------------------------------------------------------------- */

int32_t fmp_plan_nodes(const fmp_plan *p) { return p ? (int32_t)p->n_steps : 0; }

int64_t fmp_plan_arena_bytes(const fmp_plan *p) { return p ? p->arena_bytes : 0; }

static void add_slot_text(const fmp_plan *p, uint32_t slot, fmp__text *text)
{
  static const char *const places[] = {"unread", "arena", "input", "captured", "output"};
  char spec[FMP_SPEC_TEXT];
  if (!slot) {
    fmp__text_add(text, "-");
    return;
  }
  const fmp__slot *root = &p->slots[p->slots[slot].root];
  fmp__text_add(text, "%s %s", fmp_spec_text(&p->slots[slot].spec, spec), places[root->place]);
  if (root->place == FMP__PLACE_ARENA)
    fmp__text_add(text, "+%" PRId64, p->slots[root->buffer].arena_offset + p->slots[slot].offset);
}

static void add_step_text(const fmp_plan *p, const fmp__step *step, fmp__text *text)
{
  fmp__text_add(text, "%s%s%s [%s/%s] (", step->scope, *step->scope ? ": " : "", step->op->def.name,
                (step->is_on_host ? p->host : p->device)->name, step->prepared.kernel->def.name);
  for (uint32_t i = 0; i < step->n_in; i++) {
    if (i) fmp__text_add(text, ", ");
    add_slot_text(p, step->in[i], text);
  }
  fmp__text_add(text, ") -> (");
  for (uint32_t i = 0; i < step->n_out; i++) {
    if (i) fmp__text_add(text, ", ");
    add_slot_text(p, step->out[i], text);
  }
  fmp__text_add(text, ")\n");
}

const char *fmp_plan_text(const fmp_plan *p)
{
  if (!p) return NULL;
  fmp__text *text = fmp__text_of_thread();
  for (uint32_t t = 0; t < p->n_steps; t++) add_step_text(p, &p->steps[t], text);
  fmp__text_add(text, "arena %" PRId64 " bytes, scratch %" PRId64 " bytes\n", p->arena_bytes,
                p->scratch_bytes);
  return text->bytes ? text->bytes : "";
}
