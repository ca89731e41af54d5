/* SPDX-License-Identifier: Apache-2.0
 *
 * Inputs that turn out to be the same memory as something that the plan writes: another input, or a
 * captured tensor. A plan runs its steps in program order on the memory itself, so reads see the
 * writes before them, as they do eagerly. Two things cannot follow: a strided input, which is
 * copied before the first step, and a value that a gradient took as unchanged (`pinned`). Those are
 * refused here, by the run that shares memory; see docs/decisions/writes-are-ordered-by-memory.md.
 *
 * The check before each run is only for plans that write inputs or captures: others pay nothing. */
#include "plan/plan.h"

#include "base/memory.h"
#include "base/status.h"
#include "device/stretch.h"
#include "device/tensor.h"

/* The memory of an input as this run has it, or of a captured tensor; of anything else none. */
static fmp__stretch stretch_of_value(const fmp_plan *p, uint32_t v, fmp_tensor *const *in)
{
  const fmp__slot *slot = &p->slots[v];
  const fmp_tensor *t = slot->place == FMP__PLACE_INPUT ? in[slot->index] : NULL;
  if (t) return fmp__stretch_of(&t->spec, t->strides, t->storage, t->offset);
  if (slot->place != FMP__PLACE_CAPTURE) return (fmp__stretch){0};
  return fmp__stretch_of(&slot->spec, slot->strides, slot->storage, slot->offset);
}

/* At least one of the two is an input: captured tensors are known to each other. */
static fmp_status fail(const fmp_plan *p, uint32_t v, uint32_t w, const char *why)
{
  const uint32_t input = p->slots[v].place == FMP__PLACE_INPUT ? v : w, other = input == v ? w : v;
  if (p->slots[other].place == FMP__PLACE_INPUT)
    return fmp__fail(FMP_EINVAL, "inputs %u and %u share memory, which is written: %s", input,
                     other, why);
  const char *name = p->graph->values[other].tensor->name;
  return fmp__fail(FMP_EINVAL, "input %u shares memory, which is written, with the captured %s: %s",
                   input, name ? name : "tensor", why);
}

/* Value v must not lie in the memory of another value that is written. Values of one root are views
 * of one memory, which the trace knew; so are captured tensors among each other. */
static fmp_status check_apart(const fmp_plan *p, uint32_t v, fmp_tensor *const *in, const char *why)
{
  const fmp__value *values = p->graph->values;
  const fmp__stretch mine = stretch_of_value(p, v, in);
  for (uint32_t i = 0; i < p->n_written; i++) {
    const uint32_t w = p->written[i];
    if (values[w].root == values[v].root) continue;
    if (values[v].from == FMP__FROM_CAPTURE && values[w].from == FMP__FROM_CAPTURE) continue;
    const fmp__stretch other = stretch_of_value(p, w, in);
    if (fmp__stretches_overlap(&mine, &other)) return fail(p, v, w, why);
  }
  return FMP_OK;
}

/* -- what one op writes ---------------------------------------------------- */

/* Before a run `in` is NULL, and each root is taken to be memory of its own, by the address of its
 * slot. So what is certain to overlap is found when the plan is made, and the rest at each run. A
 * strided input is such memory in a run too: steps see its copy. */
static fmp__stretch stretch_of_slot(const fmp_plan *p, uint32_t s, fmp_tensor *const *in)
{
  if (s == 0) return (fmp__stretch){0}; /* an absent input */
  const fmp__slot *slot = &p->slots[s], *root = &p->slots[slot->root];
  const fmp_tensor *t = root->place == FMP__PLACE_INPUT && in ? in[root->index] : NULL;
  if (t && fmp__tensor_is_contiguous(t))
    return fmp__stretch_of(&slot->spec, slot->strides, t->storage, t->offset + slot->offset);
  if (root->place == FMP__PLACE_CAPTURE)
    return fmp__stretch_of(&slot->spec, slot->strides, root->storage, slot->offset);
  return fmp__stretch_of(&slot->spec, slot->strides, root, slot->offset);
}

/* Only such a step can overlap in a run what it did not overlap in the plan. */
static int reads_input(const fmp_plan *p, const fmp__step *step)
{
  for (uint32_t i = 0; i < step->n_in; i++)
    if (step->in[i] && p->slots[p->slots[step->in[i]].root].place == FMP__PLACE_INPUT) return 1;
  return 0;
}

static fmp_status check_step(const fmp_plan *p, const fmp__step *step, fmp_tensor *const *in)
{
  fmp__stretch *stretches = fmp__alloc_zeroed(step->n_in + 1, sizeof *stretches);
  if (!stretches) return fmp__no_memory("an op's inputs");
  for (uint32_t i = 0; i < step->n_in; i++) stretches[i] = stretch_of_slot(p, step->in[i], in);
  const fmp_status status = fmp__check_written_apart(step->op, stretches, step->n_in);
  fmp__free(stretches);
  if (status == FMP_OK) return FMP_OK;
  return fmp__fail_in(status, "%s%s%s", step->scope, *step->scope ? ": " : "", step->op->def.name);
}

fmp_status fmp__plan_check_writes(const fmp_plan *p, fmp_tensor *const *in)
{
  for (uint32_t t = 0; t < p->n_steps; t++)
    if (p->steps[t].op->writes && (!in || reads_input(p, &p->steps[t])))
      FMP_TRY(check_step(p, &p->steps[t], in));
  return FMP_OK;
}

/* -- a run ----------------------------------------------------------------- */

/* What nodes make is apart from all that comes from outside. */
static void note_value(fmp_plan *p, uint32_t v)
{
  const fmp__value *value = &p->graph->values[v], *root = &p->graph->values[value->root];
  if (value->from == FMP__FROM_NODE) return;
  if (root->written) p->written[p->n_written++] = v;
  if (root->pinned) p->pinned[p->n_pinned++] = v;
}

fmp_status fmp__plan_note_sharing(fmp_plan *p)
{
  const fmp_graph *g = p->graph;
  const uint32_t most = g->n_inputs + g->n_captures;
  if (!g->input_written && !g->capture_written) return FMP_OK;
  p->written = fmp__alloc_zeroed(2 * (size_t)most + 1, sizeof *p->written);
  if (!p->written) return fmp__no_memory("a plan");
  p->pinned = p->written + most;
  for (uint32_t v = 1; v <= g->n_values; v++) note_value(p, v);
  return FMP_OK;
}

fmp_status fmp__plan_check_sharing(const fmp_plan *p, fmp_tensor *const *in)
{
  if (!p->n_written) return FMP_OK;
  FMP_TRY(fmp__plan_check_writes(p, in));
  for (uint32_t v = 1; v <= p->graph->n_inputs; v++)
    if (!fmp__tensor_is_contiguous(in[v - 1]))
      FMP_TRY(check_apart(p, v, in, "expected a contiguous tensor"));
  for (uint32_t i = 0; i < p->n_pinned; i++)
    FMP_TRY(check_apart(p, p->pinned[i], in, "a gradient needs its value from before the write"));
  return FMP_OK;
}
