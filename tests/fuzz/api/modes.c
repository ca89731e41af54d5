/* SPDX-License-Identifier: Apache-2.0
 * Steps: recordings, traces, what runs outside of them, gradients, scopes. */
#include "world.h"

#include <string.h>

static int mode_of(const world *w)
{
  const frame *f = frame_now(w);
  return f ? f->kind : RUNS;
}

/* -- recordings ------------------------------------------------------------ */

static void record(world *w)
{
  note(w, "record");
  if (!went_well(w, CALL(w, fmp_record_begin()), 0, "fmp_record_begin")) return;
  if (frame_now(w))
    w->depths[w->level]++;
  else
    frame_open(w, RECORDS);
}

static void end_recording(world *w)
{
  handle *kept[3] = {0};
  fmp_tensor *tensors[3] = {0};
  const int n = (int)random_of(w, 4);
  for (int i = 0; i < n; i++) {
    kept[i] = w->slots[random_of(w, SLOTS)];
    tensors[i] = kept[i] ? kept[i]->t : NULL;
  }
  note(w, "end of a recording, #%d #%d #%d kept", number_of(kept[0]), number_of(kept[1]),
       number_of(kept[2]));
  fmp_record_end(tensors, n);
  int *depth = &w->depths[w->level];
  if (*depth > 0 && --*depth == 0 && mode_of(w) == RECORDS) frame_close(w, kept, n);
}

static void go_outside(world *w)
{
  if (w->level == MOST_LEVELS - 1) return;
  note(w, "outside");
  if (!went_well(w, CALL(w, fmp_outside_begin()), 0, "fmp_outside_begin")) return;
  w->level++;
}

static void come_back(world *w)
{
  note(w, "end of outside");
  fmp_outside_end();
  if (w->level == 0) return;
  if (frame_now(w)) frame_close(w, NULL, 0);
  w->depths[w->level--] = 0;
}

/* -- traces ---------------------------------------------------------------- */

enum { MOST_INPUTS = 3 };

static shape input_shape(world *w)
{
  const handle *h = w->slots[random_of(w, SLOTS)];
  shape s = {.rank = 1, .size = {3}};
  return h && h->state == HAS ? h->v.shape : s;
}

static void trace(world *w)
{
  fmp_spec specs[MOST_INPUTS];
  shape shapes[MOST_INPUTS];
  fmp_tensor *inputs[MOST_INPUTS];
  const int n = (int)random_of(w, MOST_INPUTS + 1);
  const uint32_t flags = chance(w, 30) ? FMP_NO_REWRITES : 0;
  for (int i = 0; i < n; i++) {
    shapes[i] = input_shape(w);
    specs[i] = spec_of(&shapes[i]);
  }
  note(w, "trace of %d inputs", n);
  const fmp_status status = CALL(w, fmp_trace_begin(NULL, specs, n, flags, inputs));
  if (!went_well(w, status, mode_of(w) ? 1u << FMP_ESTATE : 0, "fmp_trace_begin")) return;
  if (mode_of(w)) complain(w, "a trace has begun inside of another");
  frame *f = frame_open(w, TRACES);
  for (int i = 0; i < n; i++)
    keep(w, handle_in_frame(f, inputs[i], TRACED, (view){0},
                            add_value(&f->s->p, FROM_INPUT, i, &shapes[i])));
  f->s->p.n_inputs = n;
}

static void abort_trace(world *w)
{
  note(w, "abort");
  fmp_trace_abort();
  if (mode_of(w) == TRACES) frame_close(w, NULL, 0);
}

/* Handles for the trace to return: their values in the program. */
static int choose_outputs(world *w, frame *f, fmp_tensor **tensors)
{
  int n = 0;
  while (n < 3 && chance(w, 80)) {
    handle *h = pick(w);
    if (!h) break;
    f->s->p.outputs[n] = value_of(f, h);
    tensors[n++] = h->t;
  }
  return f->s->p.n_outputs = n;
}

static void keep_graph(world *w, fmp_graph *g, frame *f)
{
  graph *place = &w->graphs[random_of(w, MOST_OBJECTS)];
  fmp_graph_release(place->g);
  program_release(place->s);
  *place = (graph){g, program_retain(f->s)};
}

static void end_trace(world *w)
{
  fmp_tensor *tensors[3];
  fmp_graph *g = NULL;
  frame *f = mode_of(w) == TRACES ? frame_now(w) : NULL;
  const int n = f ? choose_outputs(w, f, tensors) : 0;
  note(w, "end of a trace, %d outputs", n);
  const fmp_status status = CALL(w, fmp_trace_end(tensors, n, &g));
  const int good = went_well(w, status, f ? 0 : 1u << FMP_ESTATE, "fmp_trace_end");
  if (!f && good) complain(w, "a trace has ended that had not begun");
  if (!f) return;
  if (good) keep_graph(w, g, f);
  frame_close(w, NULL, 0);
}

/* -- gradients ------------------------------------------------------------- */

/* A number made in this frame. */
static handle *pick_loss(world *w)
{
  const int first = (int)random_of(w, SLOTS);
  for (int i = 0; i < SLOTS; i++) {
    handle *h = w->slots[(first + i) % SLOTS];
    if (!h || !is_usable(w, h) || h->frame != frame_now(w)) continue;
    const shape s = shape_of(w, h);
    if (shape_elements(&s) == 1) return h;
  }
  return NULL;
}

/* In a recording the values are there at once, if the model can tell them. */
static view value_now(const frame *f, int v)
{
  const program *p = &f->s->p;
  static _Thread_local run r;
  view given[MOST_VALUES], result = view_new(&p->values[v].shape);
  result.s->unknown = 1;
  if (f->is_tainted) return result;
  for (int i = 0; i < p->n_values; i++)
    if (p->values[i].from == FROM_CAPTURE) {
      given[i] = ((const handle *)p->values[i].captured)->v;
      if (!given[i].s) return result;
    }
  if (program_run(p, given, &r))
    for (int64_t i = 0; i < shape_elements(&result.shape); i++)
      *view_at(&result, i) = *view_at(&r.views[v], i);
  result.s->unknown = r.views[v].s ? r.views[v].s->unknown : 1;
  run_end(&r, 0);
  return result;
}

/* The handle of this tensor, if it is one of the frame's: gradients pass through some ops. */
static handle *known(const frame *f, const fmp_tensor *t)
{
  for (int i = 0; i < f->n_made; i++)
    if (f->made[i]->t == t) return f->made[i];
  return NULL;
}

static void keep_gradient(world *w, frame *f, handle *loss, handle *x, fmp_tensor *dx)
{
  program *p = &f->s->p;
  handle *old = known(f, dx);
  if (old) {
    old->references++;
    keep(w, old);
    return;
  }
  const shape s = shape_of(w, x);
  instruction i = {.op = GRADIENT, .in = {loss->value, value_of(f, x)}};
  i.out = add_value(p, FROM_OP, p->n_instructions, &s);
  p->values[i.out].fixed = 1;
  p->instructions[p->n_instructions++] = i;
  const view v = f->kind == RECORDS ? value_now(f, i.out) : (view){0};
  if (v.s) v.s->fixed = 1;
  keep(w, handle_in_frame(f, dx, f->kind == TRACES ? TRACED : HAS, v, i.out));
}

static int has_gradient(const program *p)
{
  for (int i = 0; i < p->n_instructions; i++)
    if (p->instructions[i].op == GRADIENT) return 1;
  return 0;
}

static void differentiate(world *w)
{
  frame *f = frame_now(w);
  fmp_tensor *tensors[2], *dx[2] = {0};
  handle *x[2], *loss = f ? pick_loss(w) : NULL;
  if (!loss || f->s->p.n_values > MOST_VALUES - 16 || f->s->p.n_instructions > MOST_VALUES - 16)
    return;
  const int n = 1 + chance(w, 50);
  for (int i = 0; i < n; i++) {
    x[i] = pick(w);
    x[i]->references++; /* beyond its slot */
    tensors[i] = fmp_tensor_retain(x[i]->t);
  }
  note(w, "gradients of #%d by #%d #%d", number_of(loss), number_of(x[0]),
       n > 1 ? number_of(x[1]) : 0);
  loss->references++;
  const unsigned allowed = (f->is_tainted || f->s->p.writes ? 1u << FMP_ESTATE : 0) |
                           (has_gradient(&f->s->p) ? 1u << FMP_ENOGRAD : 0);
  const int good =
      went_well(w, CALL(w, fmp_gradients(loss->t, tensors, n, dx)), allowed, "fmp_gradients");
  f->s->p.is_differentiated = 1;
  for (int i = 0; i < n; i++) {
    if (good) keep_gradient(w, f, loss, x[i], dx[i]);
    if (!good && dx[i]) complain(w, "a gradient in spite of a failure");
    fmp_tensor_release(tensors[i]);
    handle_release(x[i]);
  }
  handle_release(loss);
}

static void list_parameters(world *w)
{
  fmp_tensor *parameters[4];
  int32_t n = 0;
  handle *loss = frame_now(w) ? pick_loss(w) : NULL;
  if (loss)
    went_well(w, CALL(w, fmp_parameters_of(loss->t, parameters, 4, &n)), 0, "parameters_of");
}

/* -- scopes ---------------------------------------------------------------- */

static void push(world *w)
{
  if (strlen(fmp_scope_path()) > 40) return;
  went_well(w, CALL(w, fmp_scope_push("scope")), 0, "fmp_scope_push");
}

static void pop(world *w)
{
  (void)w;
  fmp_scope_pop();
}

static void interrupt(world *w)
{
  if (!w->o->faults || !chance(w, 20)) return;
  note(w, "interrupt");
  fmp_interrupt();
  if (chance(w, 30)) fmp_interrupt_clear();
}

void step_modes(world *w)
{
  static void (*const steps[])(world *) = {
      record, end_recording, go_outside,    come_back,     trace,           trace, end_trace,
      push,   abort_trace,   differentiate, differentiate, list_parameters, pop,   interrupt};
  steps[random_of(w, sizeof steps / sizeof steps[0])](w);
  if (fmp_mode() != mode_of(w)) complain(w, "mode %d instead of %d", fmp_mode(), mode_of(w));
}

void end_modes(world *w)
{
  for (int i = 0; i < MOST_LEVELS; i++) {
    while (w->depths[w->level] > 0) end_recording(w);
    abort_trace(w);
    come_back(w);
  }
  if (fmp_mode() != RUNS) complain(w, "mode %d at the end", fmp_mode());
}
