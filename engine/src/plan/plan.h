/* SPDX-License-Identifier: Apache-2.0
 * Plans: a graph made ready for one device and one set of input specs. Built once in
 * phases (prune, lay out and prepare, place in memory), immutable afterwards. */
#ifndef FMP_PLAN_H
#define FMP_PLAN_H

#include "graph/graph.h"
#include "kernel/kernel.h"

/* Where the memory of a value is. */
enum {
  FMP__PLACE_NOWHERE = 0, /* nobody reads it */
  FMP__PLACE_ARENA = 1,
  FMP__PLACE_INPUT = 2,   /* of the call */
  FMP__PLACE_CAPTURE = 3, /* a tensor from outside, by reference */
  FMP__PLACE_OUTPUT = 4   /* handed to the caller */
};

/* A value as the plan sees it. A view (reshape, slice) shares the memory of its root. */
typedef struct fmp__slot {
  fmp_spec spec;
  int64_t strides[FMP_MAX_RANK];
  int64_t offset; /* bytes from the root's start */
  uint32_t root;
  int is_read; /* some step or the caller reads its data */
  /* Roots only: */
  uint32_t place;        /* FMP__PLACE_* */
  uint32_t index;        /* which input or output */
  fmp__storage *storage; /* CAPTURE: retained */
  uint32_t buffer;       /* ARENA: the root whose buffer it uses, itself or one before */
  uint32_t first, last;  /* ARENA: steps between which the buffer is in use */
  int64_t arena_offset;
} fmp__slot;

/* One kernel call. Steps stand in program order. */
typedef struct fmp__step {
  const fmp_op *op;
  const void *params; /* the graph's, or own_params of an inserted copy */
  void *own_params;
  const char *scope; /* the graph's */
  uint64_t random_key;
  uint32_t n_in, n_out;
  uint32_t *in, *out; /* slots; one owned block. out 0: nobody reads it */
  fmp__prepared prepared;
} fmp__step;

struct fmp_plan {
  atomic_int_fast32_t references;
  fmp_graph *graph; /* retained */
  fmp_device *device;
  int32_t threads;  /* that its kernels were made ready for */
  fmp__slot *slots; /* the graph's values, then those of inserted copies; 0 unused */
  uint32_t n_slots, slots_room;
  fmp__step *steps;
  uint32_t n_steps, steps_room;
  uint32_t *outputs; /* slots, by output */
  uint32_t n_outputs, n_views;
  int64_t arena_bytes;
  int64_t scratch_bytes; /* the most that any step wants */
  int has_random;
  /* Inputs and captures, by value, whose memory is written, and those that a gradient took as
   * unchanged; see plan_share.c. One owned block. */
  uint32_t *written, *pinned;
  uint32_t n_written, n_pinned;
};

/* The same for another number of threads: that of the stream, on which it will run. */
fmp_status fmp__plan_again(const fmp_plan *p, void *stream, int32_t threads, fmp_plan **again);

/* What of a graph is to be run. */
typedef struct fmp__pruned {
  unsigned char *alive; /* by node */
  uint32_t *same;       /* by value: the equal value that stands for it */
} fmp__pruned;

/* Drops nodes that nobody needs and merges equal ones. */
fmp_status fmp__plan_prune(const fmp_graph *g, fmp__pruned *pruned);
void fmp__pruned_free(fmp__pruned *pruned);

/* An op that writes an input must not see its memory by another as well. `in`: the inputs of a run,
 * NULL: what can be known before one. */
fmp_status fmp__plan_check_writes(const fmp_plan *p, fmp_tensor *const *in);
/* Finds what check_sharing will have to look at before each run. */
fmp_status fmp__plan_note_sharing(fmp_plan *p);
/* Refuses inputs that are the same memory as something that is written, where the plan could not
 * do as eager ops would. in: checked inputs, before they were made contiguous. */
fmp_status fmp__plan_check_sharing(const fmp_plan *p, fmp_tensor *const *in);

/* Lifetimes, in-place reuse and places in the arena. */
fmp_status fmp__plan_place(fmp_plan *p);

#endif
