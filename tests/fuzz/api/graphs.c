/* SPDX-License-Identifier: Apache-2.0
 * Steps: graphs planned, run, saved and loaded; plans that other threads run as well. */
#define _XOPEN_SOURCE 700 /* P_tmpdir */
#include "world.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* -- plans ----------------------------------------------------------------- */

static void drop_plan(plan *p)
{
  fmp_instance_release(p->instance);
  fmp_plan_release(p->p);
  for (int v = 0; p->s && v < p->s->p.n_values; v++) view_release(&p->captured[v]);
  program_release(p->s);
  *p = (plan){0};
}

static plan *place_for_plan(world *w)
{
  plan *place = &w->plans[random_of(w, MOST_OBJECTS)];
  drop_plan(place);
  return place;
}

/* Whether all that the program has captured still has a value. */
static int captures_are_there(const program *p)
{
  for (int v = 0; v < p->n_values; v++) {
    const handle *h = p->values[v].captured;
    if (h && h->state != HAS) return 0;
  }
  return 1;
}

static void run_once(world *w, plan *p);

static void make_plan(world *w)
{
  const graph *g = &w->graphs[random_of(w, MOST_OBJECTS)];
  fmp_plan *made = NULL;
  if (!g->g) return;
  const int there = captures_are_there(&g->s->p);
  note(w, "plan of graph %d", g->s->number);
  const fmp_status status =
      CALL(w, fmp_plan_new(g->g, NULL, 0, chance(w, 30) ? FMP_NO_REWRITES : 0, &made));
  /* What is written may turn out to be strided. */
  const unsigned allowed = (there ? 0 : 1u << FMP_ESTATE) | (g->s->p.writes ? 1u << FMP_EINVAL : 0);
  if (!went_well(w, status, allowed, "fmp_plan_new")) return;
  if (!there) complain(w, "a plan of a graph that has captured an emptied tensor");
  plan *place = place_for_plan(w);
  place->p = made;
  place->s = program_retain(g->s);
  for (int v = 0; v < g->s->p.n_values; v++) {
    const handle *h = g->s->p.values[v].captured;
    if (h) place->captured[v] = view_retain(h->v);
  }
  if (chance(w, 70)) run_once(w, place);
}

static int make_instance(world *w, plan *p)
{
  if (p->instance) return 1;
  return went_well(w, CALL(w, fmp_instance_new(p->p, chance(w, 50), &p->instance)), 0,
                   "fmp_instance_new");
}

/* -- inputs ---------------------------------------------------------------- */

enum { MOST_INPUTS = 3 };

typedef struct arguments {
  handle *handles[MOST_INPUTS]; /* one reference each */
  fmp_tensor *tensors[MOST_INPUTS];
  view given[MOST_VALUES]; /* by value, as program_run wants them */
  int n;
} arguments;

static int shares_memory(const plan *p, const arguments *a, const handle *h)
{
  for (int v = 0; v < p->s->p.n_values; v++)
    if (p->captured[v].s == h->v.s) return 1;
  for (int i = 0; i < a->n; i++)
    if (a->handles[i]->v.s == h->v.s) return 1;
  return 0;
}

static handle *fresh(world *w, const shape *s)
{
  float values[MOST_ELEMENTS];
  const fmp_spec spec = spec_of(s);
  fmp_tensor *t = NULL;
  view v = view_new(s);
  for (int64_t i = 0; i < shape_elements(s); i++)
    values[i] = *view_at(&v, i) = (float)random_of(w, 17) - 8;
  if (fmp_tensor_from(NULL, &spec, values, shape_elements(s) * 4, &t) == FMP_OK)
    return handle_new(t, HAS, v);
  if (fmp_tensor_from(NULL, &spec, values, shape_elements(s) * 4, &t) == FMP_OK) /* interrupted */
    return handle_new(t, HAS, v);
  complain(w, "no input");
}

/* A handle of that shape over memory that the plan has otherwise. */
static handle *pick_alias(world *w, const plan *p, const arguments *a, const shape *s)
{
  const int first = (int)random_of(w, SLOTS);
  for (int i = 0; i < SLOTS; i++) {
    handle *h = w->slots[(first + i) % SLOTS];
    if (h && h->state == HAS && shape_equal(&h->v.shape, s) && shares_memory(p, a, h)) return h;
  }
  return NULL;
}

/* A handle that is held, or a fresh one. */
static handle *choose_input(world *w, const plan *p, const arguments *a, const shape *s)
{
  handle *h = chance(w, 60) ? pick_alias(w, p, a, s) : NULL;
  if (!h && chance(w, 70)) h = pick_of_shape(w, s);
  if (h && (h->state != HAS || h->v.s->fixed || view_greatest(&h->v) > 1000)) h = NULL;
  if (h && p->s->p.writes && !view_is_contiguous(&h->v)) h = NULL; /* may be refused */
  if (!h) return fresh(w, s);
  h->references++;
  fmp_tensor_retain(h->t);
  return h;
}

/* What the plan sees of an input: a strided one is copied. */
static view seen(const view *v)
{
  if (view_is_contiguous(v)) return view_retain(*v);
  view copy = view_new(&v->shape);
  for (int64_t i = 0; i < shape_elements(&v->shape); i++) *view_at(&copy, i) = *view_at(v, i);
  copy.s->unknown = v->s->unknown;
  return copy;
}

static void choose_inputs(world *w, const plan *p, arguments *a)
{
  const program *program = &p->s->p;
  a->n = 0;
  for (int v = 0; v < program->n_values; v++) {
    if (program->values[v].from == FROM_CAPTURE) a->given[v] = view_retain(p->captured[v]);
    if (program->values[v].from != FROM_INPUT) continue;
    handle *h = choose_input(w, p, a, &program->values[v].shape);
    a->handles[a->n] = h;
    a->tensors[a->n++] = h->t;
    a->given[v] = seen(&h->v);
  }
}

static void release_inputs(const program *p, arguments *a)
{
  for (int i = 0; i < a->n; i++) {
    fmp_tensor_release(a->tensors[i]);
    handle_release(a->handles[i]);
  }
  for (int v = 0; v < p->n_values; v++)
    if (p->values[v].from != FROM_OP) view_release(&a->given[v]);
}

/* -- running --------------------------------------------------------------- */

static void keep_outputs(world *w, const program *p, const run *r, fmp_tensor **out)
{
  for (int i = 0; i < p->n_outputs; i++) {
    const view *v = &r->views[p->outputs[i]];
    view own = view_new(&v->shape);
    for (int64_t e = 0; e < shape_elements(&v->shape); e++) *view_at(&own, e) = *view_at(v, e);
    own.s->unknown = v->s->unknown;
    handle *h = handle_new(out[i], HAS, own);
    check_values(w, h);
    keep(w, h);
  }
}

/* Stopped between two of its ops: nobody knows which. */
static void forget_values(const program *p, const arguments *a)
{
  for (int v = 0; v < p->n_values && p->writes; v++)
    if (p->values[v].from != FROM_OP) a->given[v].s->unknown = 1;
}

static void run_instance(world *w, plan *p, arguments *a, run *r)
{
  const program *program = &p->s->p;
  fmp_tensor *out[3] = {0};
  w->emits += program->n_instructions;
  const fmp_status status =
      CALL(w, fmp_instance_run(p->instance, a->tensors, a->n, out, program->n_outputs));
  if (program->writes) taint_frames(w);
  const unsigned allowed = program->writes && program->is_differentiated ? 1u << FMP_EINVAL : 0;
  if (went_well(w, status, allowed, "fmp_instance_run")) {
    keep_outputs(w, program, r, out);
    run_end(r, 1);
    return;
  }
  for (int i = 0; i < program->n_outputs; i++)
    if (out[i]) complain(w, "an output in spite of a failure");
  run_end(r, 0);
  if (status == FMP_EINTERRUPTED) forget_values(program, a);
}

static void run_once(world *w, plan *p)
{
  static _Thread_local run r;
  static _Thread_local arguments a;
  if (!make_instance(w, p)) return;
  choose_inputs(w, p, &a);
  note(w, "run graph %d on #%d #%d #%d%s", p->s->number, a.n > 0 ? number_of(a.handles[0]) : 0,
       a.n > 1 ? number_of(a.handles[1]) : 0, a.n > 2 ? number_of(a.handles[2]) : 0,
       p->s->p.writes ? ", which writes" : "");
  if (program_run(&p->s->p, a.given, &r))
    run_instance(w, p, &a, &r);
  else
    run_end(&r, 0); /* beyond what is exact */
  release_inputs(&p->s->p, &a);
}

static void run_plan(world *w)
{
  plan *p = &w->plans[random_of(w, MOST_OBJECTS)];
  for (int64_t i = 1 + (int64_t)random_of(w, 3); p->p && i > 0; i--) run_once(w, p);
}

/* -- plans that all threads run -------------------------------------------- */

static pthread_mutex_t pool_lock = PTHREAD_MUTEX_INITIALIZER;
static plan pool[MOST_OBJECTS];

static int captures_nothing(const program *p)
{
  for (int v = 0; v < p->n_values; v++)
    if (p->values[v].from == FROM_CAPTURE) return 0;
  return 1;
}

static void offer(world *w)
{
  const plan *p = &w->plans[random_of(w, MOST_OBJECTS)];
  if (!p->p || !captures_nothing(&p->s->p)) return;
  note(w, "offer graph %d", p->s->number);
  pthread_mutex_lock(&pool_lock);
  plan *place = &pool[random_of(w, MOST_OBJECTS)];
  drop_plan(place);
  fmp_plan_retain(p->p);
  *place = (plan){.p = p->p, .s = program_retain(p->s)};
  pthread_mutex_unlock(&pool_lock);
}

static void take(world *w)
{
  plan *place = place_for_plan(w);
  pthread_mutex_lock(&pool_lock);
  const plan *p = &pool[random_of(w, MOST_OBJECTS)];
  if (p->p) {
    fmp_plan_retain(p->p);
    *place = (plan){.p = p->p, .s = program_retain(p->s)};
  }
  pthread_mutex_unlock(&pool_lock);
  if (place->p) run_once(w, place);
}

void drop_pool(void)
{
  for (int i = 0; i < MOST_OBJECTS; i++) drop_plan(&pool[i]);
}

/* -- files ----------------------------------------------------------------- */

/* The program of a loaded graph: its captures are tensors of its own. */
static shared_program *copy_program(const shared_program *s)
{
  shared_program *copy = calloc(1, sizeof *copy);
  copy->number = s->number;
  copy->p = s->p;
  atomic_init(&copy->references, 1);
  for (int v = 0; v < s->p.n_values; v++) {
    const handle *h = s->p.values[v].captured;
    if (h) copy->p.values[v].captured = handle_new(NULL, HAS, seen(&h->v));
    if (h && view_is_contiguous(&h->v)) { /* not the same memory */
      handle *own = copy->p.values[v].captured;
      const view v2 = own->v;
      own->v = view_new(&v2.shape);
      for (int64_t i = 0; i < shape_elements(&v2.shape); i++)
        *view_at(&own->v, i) = *view_at(&v2, i);
      own->v.s->unknown = v2.s->unknown;
      view old = v2;
      view_release(&old);
    }
  }
  return copy;
}

static void save_and_load(world *w)
{
  char path[64];
  fmp_graph *loaded = NULL;
  graph *g = &w->graphs[random_of(w, MOST_OBJECTS)];
  if (!g->g || g->s->p.writes || !captures_are_there(&g->s->p)) return;
  snprintf(path, sizeof path, P_tmpdir "/fmp-api-%d-%p", (int)getpid(), (void *)w);
  note(w, "save and load graph %d", g->s->number);
  if (!went_well(w, CALL(w, fmp_graph_save(g->g, path)), 0, "fmp_graph_save")) return;
  const fmp_status status = CALL(w, fmp_graph_load(path, NULL, &loaded));
  unlink(path);
  if (!went_well(w, status, fmp_mode() ? 1u << FMP_ESTATE : 0, "fmp_graph_load")) return;
  went_well(w, CALL(w, fmp_graph_compare(g->g, loaded)), 0, "fmp_graph_compare");
  shared_program *s = copy_program(g->s);
  fmp_graph_release(g->g);
  program_release(g->s);
  *g = (graph){loaded, s};
}

/* -- the rest -------------------------------------------------------------- */

static void look(world *w)
{
  const graph *g = &w->graphs[random_of(w, MOST_OBJECTS)];
  const plan *p = &w->plans[random_of(w, MOST_OBJECTS)];
  if (g->g && (!fmp_graph_text(g->g) || fmp_graph_inputs(g->g) != g->s->p.n_inputs ||
               fmp_graph_outputs(g->g) != g->s->p.n_outputs))
    complain(w, "a graph of %d inputs", fmp_graph_inputs(g->g));
  if (g->g && chance(w, 30)) fmp_graph_batch_note(g->g);
  if (p->p && (!fmp_plan_text(p->p) || fmp_plan_nodes(p->p) < 0))
    complain(w, "a plan without text");
}

static void drop_graph(world *w)
{
  graph *g = &w->graphs[random_of(w, MOST_OBJECTS)];
  fmp_graph_release(g->g);
  program_release(g->s);
  *g = (graph){0};
}

static void measure(world *w)
{
  fmp_profile_node node = {.struct_size = sizeof node};
  fmp_profile(chance(w, 50));
  for (int32_t i = -1; fmp_profile_get(0, i, &node) == FMP_OK; i++)
    if (node.runs < 0) complain(w, "runs %d", (int)node.runs);
  if (chance(w, 50)) fmp_profile_clear();
}

void drop_graphs(world *w)
{
  for (int i = 0; i < MOST_OBJECTS; i++) {
    drop_plan(&w->plans[i]);
    fmp_graph_release(w->graphs[i].g);
    program_release(w->graphs[i].s);
  }
}

void step_graphs(world *w)
{
  static void (*const steps[])(world *) = {make_plan, make_plan,     run_plan, run_plan,   run_plan,
                                           offer,     take,          look,     drop_graph, measure,
                                           make_plan, save_and_load, run_plan};
  steps[random_of(w, sizeof steps / sizeof steps[0])](w);
}
