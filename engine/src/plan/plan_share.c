/* SPDX-License-Identifier: Apache-2.0
 * Inputs that turn out to be the same memory as something that the plan writes: another input,
 * or a captured tensor. A plan runs its steps in program order on the memory itself, so reads
 * see the writes before them, as they do eagerly. Two things cannot follow: a strided input,
 * which is copied before the first step, and what a gradient took as unchanged (`pinned`). */
#include "plan/plan.h"
#include "define/spec.h"
#include "device/tensor.h"

/* A stretch of a device's memory. */
typedef struct stretch {
  const fmp__storage *storage; /* NULL: none */
  int64_t begin, end;          /* bytes */
} stretch;

static stretch stretch_of(const fmp_spec *spec, const int64_t *strides, const fmp__storage *storage,
                          int64_t offset)
{
  int64_t low = 0, high = 0;
  fmp__view_extent(spec, strides, &low, &high); /* checked when the view was made */
  return (stretch){storage, offset + low, offset + high};
}

/* Of an input as this run has it, or of a captured tensor. */
static stretch stretch_of_value(const fmp_plan *p, uint32_t v, fmp_tensor *const *in)
{
  const fmp__slot *slot = &p->slots[v];
  const fmp_tensor *t = slot->place == FMP__PLACE_INPUT ? in[slot->index] : NULL;
  if (t) return stretch_of(&t->spec, t->strides, t->storage, t->offset);
  if (slot->place != FMP__PLACE_CAPTURE) return (stretch){0};
  return stretch_of(&slot->spec, slot->strides, slot->storage, slot->offset);
}

static int overlap(stretch a, stretch b)
{
  return a.storage && a.storage == b.storage && a.begin < b.end && b.begin < a.end;
}

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

/* v must not be the memory of another value that is written. Captured tensors among each other
 * are known to the trace. */
static fmp_status check_apart(const fmp_plan *p, uint32_t v, fmp_tensor *const *in, const char *why)
{
  const fmp_graph *g = p->graph;
  const stretch mine = stretch_of_value(p, v, in);
  for (uint32_t w = 1; w <= g->n_values; w++) {
    if (!g->values[g->values[w].root].written || g->values[w].root == g->values[v].root) continue;
    if (g->values[v].from == FMP__FROM_CAPTURE && g->values[w].from == FMP__FROM_CAPTURE) continue;
    if (overlap(mine, stretch_of_value(p, w, in))) return fail(p, v, w, why);
  }
  return FMP_OK;
}

fmp_status fmp__plan_check_sharing(const fmp_plan *p, fmp_tensor *const *in)
{
  const fmp_graph *g = p->graph;
  if (!g->input_written && !g->capture_written) return FMP_OK;
  for (uint32_t v = 1; v <= g->n_inputs; v++)
    if (!fmp__tensor_is_contiguous(in[v - 1]))
      FMP_TRY(check_apart(p, v, in, "expected a contiguous tensor"));
  for (uint32_t v = 1; g->any_pinned && v <= g->n_values; v++)
    if (g->values[g->values[v].root].pinned)
      FMP_TRY(check_apart(p, v, in, "a gradient needs its value of before the write"));
  return FMP_OK;
}
