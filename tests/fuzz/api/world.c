/* SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* -- chance ---------------------------------------------------------------- */

/* splitmix64 */
uint64_t random_of(world *w, uint64_t below)
{
  uint64_t z = (w->random += 0x9e3779b97f4a7c15ULL);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return (z ^ (z >> 31)) % below;
}

int chance(world *w, int percent) { return (int)random_of(w, 100) < percent; }

/* -- the engine's answers -------------------------------------------------- */

void note(world *w, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  vsnprintf(w->tail[w->n_tail++ % TAIL], sizeof w->tail[0], format, args);
  va_end(args);
}

void print_tail(const world *w)
{
  const int most = w->o->tail < TAIL ? w->o->tail : TAIL;
  const int first = w->n_tail > most ? w->n_tail - most : 0;
  fprintf(stderr, "api_sequence: the end of sequence %llu of seed %llu:\n",
          (unsigned long long)w->sequence, (unsigned long long)w->o->seed);
  for (int i = first; i < w->n_tail; i++) fprintf(stderr, "  %s\n", w->tail[i % TAIL]);
}

void complain(const world *w, const char *format, ...)
{
  va_list args;
  print_tail(w);
  fprintf(stderr, "api_sequence: ");
  va_start(args, format);
  vfprintf(stderr, format, args);
  va_end(args);
  fprintf(stderr, "\napi_sequence: last error: %s\n", fmp_last_error());
  fprintf(stderr, "api_sequence: again: --seed %llu --sequence %llu\n",
          (unsigned long long)w->o->seed, (unsigned long long)w->sequence);
  puts("0 passed, 1 failed, 0 skipped");
  fflush(stdout);
  _exit(1);
}

void before_call(world *w)
{
  w->fails_at = -1;
  if (w->o->faults && chance(w, 4)) w->fails_at = (int64_t)random_of(w, 24);
  if (w->fails_at >= 0) note(w, "    allocation %d fails", (int)w->fails_at);
  fmp_fail_allocation(w->fails_at);
}

fmp_status after_call(world *w, fmp_status status, const char *call)
{
  const char *text = fmp_last_error();
  const int failed = fmp_allocation_count() > w->fails_at && w->fails_at >= 0;
  fmp_fail_allocation(-1);
  if (status < 0 || status >= FMP_STATUS_COUNT) complain(w, "%.80s: status %d", call, (int)status);
  if (status != FMP_OK && (!*text || strchr(text, '\n')))
    complain(w, "%.80s: %s without a line of text", call, fmp_status_name(status));
  if (status == FMP_ENOMEM && !failed) complain(w, "%.80s: nothing failed", call);
  if (status == FMP_EINTERRUPTED && !w->o->faults) complain(w, "%.80s: no interrupt", call);
  if (status != FMP_OK) note(w, "    %s", fmp_status_name(status));
  return status;
}

int went_well(world *w, fmp_status status, unsigned allowed, const char *what)
{
  const unsigned asked_for = 1u << FMP_ENOMEM | 1u << FMP_EINTERRUPTED; /* see after_call */
  if (status == FMP_OK) return 1;
  if (!((allowed | asked_for) & 1u << status))
    complain(w, "%s: %s was not expected", what, fmp_status_name(status));
  return 0;
}

void check_values(world *w, const handle *h)
{
  float got[MOST_ELEMENTS];
  fmp_status status;
  const int64_t n = shape_elements(&h->v.shape);
  if (fmp_tensor_state(h->t) != HAS) complain(w, "a tensor has lost its value");
  do status = fmp_tensor_read(h->t, got, n * (int64_t)sizeof *got); /* past others' interrupts */
  while (status == FMP_EINTERRUPTED);
  if (status != FMP_OK) complain(w, "it cannot be read: %s", fmp_status_name(status));
  for (int64_t i = 0; i < n && !h->v.s->unknown; i++)
    if (got[i] != *view_at(&h->v, i))
      complain(w, "#%d, element %d: expected %g, got %g", h->number, (int)i,
               (double)*view_at(&h->v, i), (double)got[i]);
}

/* -- handles --------------------------------------------------------------- */

handle *handle_new(fmp_tensor *t, int state, view v)
{
  static _Thread_local int numbers;
  handle *h = calloc(1, sizeof *h);
  *h = (handle){.number = ++numbers, .references = 1, .t = t, .state = state, .v = v};
  return h;
}

int number_of(const handle *h) { return h ? h->number : 0; }

void handle_release(handle *h)
{
  if (!h || --h->references > 0) return;
  view_release(&h->v);
  free(h);
}

void drop_slot(world *w, int i)
{
  if (!w->slots[i]) return;
  fmp_tensor_release(w->slots[i]->t);
  handle_release(w->slots[i]);
  w->slots[i] = NULL;
}

void keep(world *w, handle *h)
{
  const int i = (int)random_of(w, SLOTS);
  note(w, "    -> #%d", h->number);
  drop_slot(w, i);
  w->slots[i] = h;
}

int is_usable(const world *w, const handle *h)
{
  return h->state == HAS || (h->state == TRACED && h->frame && h->frame == frame_now(w));
}

shape shape_of(const world *w, const handle *h)
{
  (void)w;
  return h->state == TRACED ? h->frame->s->p.values[h->value].shape : h->v.shape;
}

static int fits(const world *w, const handle *h, const shape *s)
{
  if (!h || !is_usable(w, h)) return 0;
  const shape own = shape_of(w, h);
  return !s || shape_equal(s, &own);
}

/* Rather one that was made in what is recorded or traced now. */
handle *pick_of_shape(world *w, const shape *s)
{
  const int first = (int)random_of(w, SLOTS), prefers_own = frame_now(w) && chance(w, 60);
  handle *other = NULL;
  for (int i = 0; i < SLOTS; i++) {
    handle *h = w->slots[(first + i) % SLOTS];
    if (!fits(w, h, s)) continue;
    if (!prefers_own || h->frame == frame_now(w)) return h;
    other = h;
  }
  return other;
}

handle *pick(world *w) { return pick_of_shape(w, NULL); }

fmp_spec spec_of(const shape *s)
{
  fmp_spec spec = {.dtype = FMP_F32, .rank = (uint32_t)s->rank};
  for (int i = 0; i < s->rank; i++) spec.shape[i] = s->size[i];
  return spec;
}

/* -- frames ---------------------------------------------------------------- */

shared_program *program_retain(shared_program *s)
{
  atomic_fetch_add(&s->references, 1);
  return s;
}

void program_release(shared_program *s)
{
  if (!s || atomic_fetch_sub(&s->references, 1) != 1) return;
  for (int v = 0; v < s->p.n_values; v++) handle_release(s->p.values[v].captured);
  free(s);
}

frame *frame_now(const world *w) { return w->frames[w->level]; }

frame *frame_open(world *w, int kind)
{
  static _Thread_local int numbers;
  frame *f = calloc(1, sizeof *f);
  f->kind = kind;
  f->s = calloc(1, sizeof *f->s);
  f->s->number = ++numbers;
  atomic_init(&f->s->references, 1);
  w->frames[w->level] = f;
  w->depths[w->level] = kind == RECORDS;
  return f;
}

static int is_among(const handle *h, handle *const *kept, int n)
{
  for (int i = 0; i < n; i++)
    if (kept[i] == h) return 1;
  return 0;
}

void frame_close(world *w, handle *const *kept, int n)
{
  frame *f = frame_now(w);
  for (int i = 0; i < f->n_made; i++) {
    handle *h = f->made[i];
    h->frame = NULL;
    if (h->state != HAS || !is_among(h, kept, n)) {
      h->state = EMPTIED;
      view_release(&h->v);
    }
    handle_release(h);
  }
  program_release(f->s);
  free(f);
  w->frames[w->level] = NULL;
  w->depths[w->level] = 0;
}

int add_value(program *p, int from, int index, const shape *s)
{
  p->values[p->n_values] = (value){.from = from, .index = index, .root = p->n_values, .shape = *s};
  return p->n_values++;
}

int value_of(frame *f, handle *h)
{
  program *p = &f->s->p;
  if (h->frame == f) return h->value;
  for (int v = 0; v < p->n_values; v++)
    if (p->values[v].captured == h) return v;
  const int v = add_value(p, FROM_CAPTURE, 0, &h->v.shape);
  p->values[v].captured = h;
  p->values[v].fixed = h->v.s->fixed;
  h->references++;
  return v;
}

handle *handle_in_frame(frame *f, fmp_tensor *t, int state, view v, int value)
{
  handle *h = handle_new(t, state, v);
  h->frame = f;
  h->value = value;
  h->references++;
  f->made[f->n_made++] = h;
  return h;
}

void taint_frames(world *w)
{
  for (int i = 0; i <= w->level; i++)
    if (w->frames[i]) w->frames[i]->is_tainted = 1;
}

void end_world(world *w)
{
  end_modes(w);
  for (int i = 0; i < SLOTS; i++)
    if (w->slots[i] && w->slots[i]->state == HAS) check_values(w, w->slots[i]);
  for (int i = 0; i < SLOTS; i++) drop_slot(w, i);
  drop_graphs(w);
  fmp_tensor_release(w->one);
}
