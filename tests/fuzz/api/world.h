/* SPDX-License-Identifier: Apache-2.0
 * One thread's part of a sequence: the handles that it holds, what is recorded and traced, and what
 * the model says of all of it. */
#ifndef FUZZ_WORLD_H
#define FUZZ_WORLD_H

#include <stdatomic.h>

#include "fmp/api.h"
#include "model.h"

enum { SLOTS = 16, MOST_MADE = 512, MOST_LEVELS = 4, MOST_OBJECTS = 4, TAIL = 2000 };
enum { HAS = 0, TRACED = 1, EMPTIED = 2 };  /* as fmp_tensor_state */
enum { RUNS = 0, RECORDS = 1, TRACES = 2 }; /* as fmp_mode */

/* How sequences are made. */
typedef struct options {
  uint64_t seed;
  int threads;
  int faults; /* allocations fail, interrupts come */
  int steps;
  int tail; /* how many steps are printed */
} options;

struct frame;

/* A tensor, in any number of slots; each has a reference of the engine's. */
typedef struct handle {
  int number;     /* for the tail */
  int references; /* slots, frames and programs */
  fmp_tensor *t;  /* as long as a slot has it */
  int state;
  view v;              /* HAS */
  struct frame *frame; /* that it was made in and that is open; NULL */
  int value;           /* which of it */
} handle;

typedef struct shared_program {
  int number; /* for the tail */
  program p;  /* captures: handles */
  atomic_int references;
} shared_program;

/* A recording or trace that is open. */
typedef struct frame {
  int kind;
  shared_program *s;
  handle *made[MOST_MADE];
  int n_made;
  int is_tainted; /* something in it was emptied, or written from outside of it */
} frame;

typedef struct graph {
  fmp_graph *g;
  shared_program *s;
} graph;

typedef struct plan {
  fmp_plan *p;
  fmp_instance *instance; /* NULL: none yet */
  shared_program *s;
  view captured[MOST_VALUES];
} plan;

typedef struct world {
  const options *o;
  uint64_t sequence, random;
  handle *slots[SLOTS];
  fmp_tensor *one;            /* a rate of learning */
  frame *frames[MOST_LEVELS]; /* by level: NULL: ops run */
  int depths[MOST_LEVELS], level;
  graph graphs[MOST_OBJECTS];
  plan plans[MOST_OBJECTS];
  int last_op;    /* and its inputs, if they are still in slots: to run it again */
  int last_in[2]; /* numbers */
  attributes last_attributes;
  int64_t fails_at; /* of the call at hand; -1: none */
  int64_t emits;
  char tail[TAIL][128]; /* the last steps */
  int n_tail;
} world;

/* -- chance ---------------------------------------------------------------- */

uint64_t random_of(world *w, uint64_t below);
int chance(world *w, int percent);

/* -- the engine's answers -------------------------------------------------- */

/* Adds a line to the tail. */
void note(world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
void print_tail(const world *w);
/* Something is wrong: says so with the seed and the tail, and ends the process. */
void complain(const world *w, const char *format, ...)
    __attribute__((format(printf, 2, 3), noreturn));

/* CALL(w, fmp_...(...)): the status; now and then an allocation of it fails. */
#define CALL(w, call) (before_call(w), after_call(w, (call), #call))
void before_call(world *w);
fmp_status after_call(world *w, fmp_status status, const char *call);
/* 1: FMP_OK; 0: a failure that is `allowed` (a set of 1 << status) or was asked for. */
int went_well(world *w, fmp_status status, unsigned allowed, const char *what);
/* The handle's tensor has the model's values. */
void check_values(world *w, const handle *h);

/* -- handles --------------------------------------------------------------- */

handle *handle_new(fmp_tensor *t, int state, view v); /* takes over v */
int number_of(const handle *h);                       /* 0: none */
void handle_release(handle *h);
/* Puts it into a slot, of which what was there is dropped; takes over both references. */
void keep(world *w, handle *h);
void drop_slot(world *w, int i);
/* A slot whose handle can be used by an op now; NULL: there is none. */
handle *pick(world *w);
handle *pick_of_shape(world *w, const shape *s);
int is_usable(const world *w, const handle *h);
shape shape_of(const world *w, const handle *h);
fmp_spec spec_of(const shape *s);

/* -- frames ---------------------------------------------------------------- */

shared_program *program_retain(shared_program *s);
void program_release(shared_program *s);
frame *frame_now(const world *w);
frame *frame_open(world *w, int kind);
/* Empties what it made but keep[0..n). */
void frame_close(world *w, handle *const *kept, int n);
/* The handle's value in the frame; captured if it is from elsewhere. */
int value_of(frame *f, handle *h);
int add_value(program *p, int from, int index, const shape *s);
/* A handle made in the frame for a value of it. */
handle *handle_in_frame(frame *f, fmp_tensor *t, int state, view v, int value);
/* A storage was written or lost: gradients of what is recorded now may be refused. */
void taint_frames(world *w);

/* -- steps ----------------------------------------------------------------- */

void step_tensors(world *w);
void step_ops(world *w);
void step_modes(world *w);
void step_graphs(world *w);
/* Ends whatever is open, and drops whatever is held. */
void end_world(world *w);
void end_modes(world *w);
void drop_graphs(world *w);
/* Plans that any thread may run. */
void drop_pool(void);

#endif
