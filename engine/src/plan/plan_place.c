/* SPDX-License-Identifier: Apache-2.0
 *
 * Where a plan's values live: one arena, in which buffers that are never in use at the same time
 * share memory, and an op may overwrite an input that nobody reads later.
 *
 * Three steps, each counting on the one before: lifetimes of roots, by step; in place, where a
 * kernel allows it, which makes two roots use one buffer; offsets of buffers. An arena and not an
 * allocation for each value, since a run must not allocate, and so that the kernels' views can be
 * made once for all runs. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "define/spec.h"
#include "plan/plan.h"
#include "plan/plan_room.h"

enum { ALIGNMENT = 64 };

/* A value without elements still has an address of its own. */
static int64_t root_bytes(const fmp_plan *p, uint32_t root)
{
  const int64_t bytes = fmp__spec_bytes(&p->slots[root].spec);
  return bytes > 0 ? bytes : 1;
}

static int in_arena(const fmp_plan *p, uint32_t root)
{
  return p->slots[root].place == FMP__PLACE_ARENA;
}

/* -- lifetimes ------------------------------------------------------------- */

static int reads_data(const fmp__step *step, uint32_t i)
{
  return step->in[i] && !(fmp__schema_input(&step->op->schema, i)->marks & FMP_ARG_SPEC_ONLY);
}

/* From the step that makes a value to the last one that reads it or a view of it; what nobody reads
 * lives for one step, in which it must not be another's memory. Both ends count: a step's inputs
 * and outputs live at the same time, so they never overlap unless they are put in place below. */
static void find_lifetimes(fmp_plan *p)
{
  for (uint32_t t = 0; t < p->n_steps; t++) {
    const fmp__step *step = &p->steps[t];
    for (uint32_t i = 0; i < step->n_in; i++)
      if (reads_data(step, i)) p->slots[p->slots[step->in[i]].root].last = t;
    for (uint32_t i = 0; i < step->n_out; i++)
      if (step->out[i]) p->slots[step->out[i]].first = p->slots[step->out[i]].last = t;
  }
}

/* -- in place -------------------------------------------------------------- */

/* The root whose buffer this one uses now, after the merges so far. */
static uint32_t buffer_of(const fmp_plan *p, uint32_t root) { return p->slots[root].buffer; }

/* Does the slot fill its root's memory? It may read it as elements of another size. */
static int is_whole(const fmp_plan *p, uint32_t slot)
{
  const fmp__slot *s = &p->slots[slot];
  return s->offset == 0 && fmp__is_contiguous(&s->spec, s->strides) &&
         fmp__spec_bytes(&s->spec) == fmp__spec_bytes(&p->slots[s->root].spec);
}

/* Does the kernel see that memory by another input too? Then it may still read what is
 * overwritten. */
static int another_input_shares(const fmp_plan *p, const fmp__step *step, uint32_t except)
{
  const uint32_t buffer = buffer_of(p, p->slots[step->in[except]].root);
  for (uint32_t i = 0; i < step->n_in; i++)
    if (i != except && reads_data(step, i) && in_arena(p, p->slots[step->in[i]].root) &&
        buffer_of(p, p->slots[step->in[i]].root) == buffer)
      return 1;
  return 0;
}

/* As the kernel sees them. Equal bytes are not enough: f32 [37] and u8 [4,37] are not the same
 * elements, and a view of f32 [37] may be that u8 [4,37]. */
static int same_elements(const fmp_plan *p, uint32_t a, uint32_t b)
{
  const fmp_spec *x = &p->slots[a].spec, *y = &p->slots[b].spec;
  return fmp_dtype_size(x->dtype) == fmp_dtype_size(y->dtype) &&
         fmp__spec_size(x) == fmp__spec_size(y);
}

/* May the step make output pair->out where input pair->in lies? Only if nobody reads that memory
 * after this step, by whatever view; the input is all of it, and contiguous; elements are of one
 * size and equally many; and the kernel sees the memory by this input alone. Memory of the caller
 * is never overwritten this way. */
static int can_overwrite(const fmp_plan *p, uint32_t t, const fmp_inplace *pair)
{
  const fmp__step *step = &p->steps[t];
  if (pair->in >= step->n_in || pair->out >= step->n_out) return 0;
  const uint32_t in = step->in[pair->in], out = step->out[pair->out];
  if (!in || !out || !reads_data(step, pair->in) || !is_whole(p, in)) return 0;
  const uint32_t root = p->slots[in].root;
  if (!in_arena(p, root) || !in_arena(p, out) || p->slots[out].buffer != out) return 0;
  return p->slots[buffer_of(p, root)].last == t && same_elements(p, in, out) &&
         !another_input_shares(p, step, pair->in);
}

/* In order of steps, since a buffer's last use moves on with each value that takes it over. */
static void reuse_in_place(fmp_plan *p)
{
  for (uint32_t t = 0; t < p->n_steps; t++) {
    const fmp__kernel *kernel = p->steps[t].prepared.kernel;
    for (uint32_t k = 0; k < kernel->def.n_inplace; k++) {
      const fmp_inplace *pair = &kernel->def.inplace[k];
      if (!can_overwrite(p, t, pair)) continue;
      const uint32_t out = p->steps[t].out[pair->out];
      const uint32_t buffer = buffer_of(p, p->slots[p->steps[t].in[pair->in]].root);
      p->slots[out].buffer = buffer;
      p->slots[buffer].last = p->slots[out].last;
    }
  }
}

/* -- offsets --------------------------------------------------------------- */

/* A buffer that is to be placed, by the slot of its first root. */
typedef struct block {
  uint32_t slot;
  fmp__stay stay;
} block;

/* The largest first: smaller ones find their way into the gaps. Equal ones by slot, so the order is
 * total. */
static int by_size(const void *a, const void *b)
{
  const block *x = a, *y = b;
  if (x->stay.bytes != y->stay.bytes) return x->stay.bytes < y->stay.bytes ? 1 : -1;
  return x->slot < y->slot ? -1 : x->slot > y->slot;
}

/* No offset can exceed the sum of all blocks, and that is checked here to be a number. */
static fmp_status collect_blocks(const fmp_plan *p, block *blocks, uint32_t *n)
{
  int64_t total = 0;
  *n = 0;
  for (uint32_t v = 1; v <= p->n_slots; v++) {
    const fmp__slot *s = &p->slots[v];
    if (s->root != v || s->place != FMP__PLACE_ARENA || s->buffer != v) continue;
    const int64_t bytes = (root_bytes(p, v) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (__builtin_add_overflow(total, bytes, &total))
      return fmp__fail(FMP_ENOMEM, "the plan's values are larger than memory can be");
    blocks[(*n)++] = (block){v, {s->first, s->last, 0, bytes}};
  }
  return FMP_OK;
}

/* Each at the lowest offset that is free for as long as it lives. */
static fmp_status place_blocks(fmp_plan *p, block *blocks, uint32_t n, fmp__room *room)
{
  qsort(blocks, n, sizeof *blocks, by_size);
  for (uint32_t i = 0; i < n; i++) {
    fmp__stay *stay = &blocks[i].stay;
    stay->begin = fmp__room_lowest(room, stay);
    FMP_TRY(fmp__room_take(room, stay));
    p->slots[blocks[i].slot].arena_offset = stay->begin;
    if (stay->begin + stay->bytes > p->arena_bytes) p->arena_bytes = stay->begin + stay->bytes;
  }
  return FMP_OK;
}

static fmp_status find_offsets(fmp_plan *p)
{
  uint32_t n;
  fmp__room *room = NULL;
  block *blocks = fmp__alloc_zeroed(p->n_slots + 1, sizeof *blocks);
  if (!blocks) return fmp__no_memory("a plan");
  fmp_status status = collect_blocks(p, blocks, &n);
  if (status == FMP_OK) status = fmp__room_new(p->n_steps, &room);
  if (status == FMP_OK) status = place_blocks(p, blocks, n, room);
  fmp__room_free(room);
  fmp__free(blocks);
  return status;
}

fmp_status fmp__plan_place(fmp_plan *p)
{
  for (uint32_t v = 1; v <= p->n_slots; v++) p->slots[v].buffer = v;
  find_lifetimes(p);
  reuse_in_place(p);
  return find_offsets(p);
}
