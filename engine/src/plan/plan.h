/* SPDX-License-Identifier: Apache-2.0
 *
 * Plans: a graph made ready for one device, one set of input specs and one number of threads. A
 * plan is built once, in phases (prune, lay out and prepare, place in memory), and immutable
 * afterwards: any number of instances run it at the same time, each in memory of its own.
 *
 * What always holds of one that has been built:
 * - Steps stand in program order, and a run calls them in that order on one stream. So every value
 *   that a step makes is written before it is read, and reads see the writes before them as they do
 *   eagerly.
 * - Slots 1..n_values are the graph's values by number, those behind them copies that the plan put
 *   in. A slot belongs to the memory of its root, and no view leaves it (fmp__check_view).
 * - A root in the arena has a buffer. Two buffers that are in use at the same step share no byte; a
 *   buffer serves several roots only if each overwrites the one before in place, as its kernel
 *   allows.
 * - Every output fills a root of its own, which is made where the caller gets it.
 * - The graph is retained: params, scopes and captured tensors' names are borrowed from it. */
#ifndef FMP_PLAN_H
#define FMP_PLAN_H

#include "graph/graph.h"
#include "kernel/kernel.h"

/* Where the memory of a value is. */
enum {
  FMP__PLACE_NOWHERE = 0, /* nobody reads it */
  FMP__PLACE_ARENA = 1,
  FMP__PLACE_INPUT = 2,   /* of the call */
  FMP__PLACE_CAPTURE = 3, /* of a tensor from outside, which the plan shares */
  FMP__PLACE_OUTPUT = 4   /* of a tensor that the run makes for the caller */
};

/* A value as the plan sees it. A view (reshape, slice) shares the memory of its root. */
typedef struct fmp__slot {
  fmp_spec spec;
  int64_t strides[FMP_MAX_RANK];
  int64_t offset; /* bytes from the root's start */
  uint32_t root;
  int is_read; /* some step or the caller reads its data; of a root: or a view of it */
  /* Roots only: */
  uint32_t place;        /* FMP__PLACE_* */
  uint32_t index;        /* which input or output */
  fmp__storage *storage; /* CAPTURE: retained */
  uint32_t buffer;       /* ARENA: the root whose buffer it uses, itself or an earlier one */
  uint32_t first, last;  /* ARENA: the steps at which its buffer is first and last in use */
  int64_t arena_offset;
} fmp__slot;

/* One kernel call. An op that is an alias has no step: it is laid out and done with. in[0..n_in)
 * and out[0..n_out) lie one behind the other. */
typedef struct fmp__step {
  const fmp_op *op;
  const void *params; /* the graph's, or own_params of an inserted copy */
  void *own_params;
  const char *scope; /* the graph's */
  uint64_t random_key;
  uint32_t n_in, n_out;
  uint32_t *in, *out; /* slots; one owned block. out 0: nobody reads it */
  int is_on_host;     /* runs on p->host, though the plan's device is another one */
  fmp__prepared prepared;
} fmp__step;

struct fmp_plan {
  atomic_int_fast32_t references;
  fmp_graph *graph; /* retained */
  fmp_device *device;
  int32_t threads; /* how many its kernels were prepared for */
  /* Of the steps that are on the host; NULL and 0: there are none. */
  fmp_device *host;
  int32_t host_threads;
  uint32_t n_on_host;
  fmp__slot *slots; /* the graph's values, then those of inserted copies; 0 unused */
  uint32_t n_slots, slots_room;
  fmp__step *steps;
  uint32_t n_steps, steps_room;
  uint32_t *outputs;           /* slots, by output */
  uint32_t n_outputs, n_views; /* n_views: inputs and outputs of all steps together */
  int64_t arena_bytes;
  int64_t scratch_bytes; /* the most that any step wants */
  int has_random;        /* some step draws */
  /* Values that are inputs or captures and whose memory is written, and those of which a gradient
   * counts on their staying as they were; see plan_share.c. One owned block. */
  uint32_t *written, *pinned;
  uint32_t n_written, n_pinned;
};

/* The same plan for another number of threads: that of the stream on which it will run. */
fmp_status fmp__plan_again(const fmp_plan *p, void *stream, int32_t threads, fmp_plan **again);

/* Which nodes of a graph are to be run, and which values stand for others; see plan_prune.c. */
typedef struct fmp__pruned {
  unsigned char *alive; /* by node */
  uint32_t *same;       /* by value: the value that stands for it, perhaps itself */
} fmp__pruned;

/* Drops nodes that nobody needs and merges equal ones. */
fmp_status fmp__plan_prune(const fmp_graph *g, fmp__pruned *pruned);
void fmp__pruned_free(fmp__pruned *pruned);

/* Refuses an op that writes an input and sees its memory by another input as well. `in`: the inputs
 * of a run, or NULL for what can be known before one. */
fmp_status fmp__plan_check_writes(const fmp_plan *p, fmp_tensor *const *in);
/* Finds what fmp__plan_check_sharing will have to look at before each run. */
fmp_status fmp__plan_note_sharing(fmp_plan *p);
/* Refuses inputs that are the same memory as something that is written, where the plan could not do
 * as eager ops would. in: inputs that have been checked, before strided ones are copied. */
fmp_status fmp__plan_check_sharing(const fmp_plan *p, fmp_tensor *const *in);

/* Lifetimes, in-place reuse and places in the arena. */
fmp_status fmp__plan_place(fmp_plan *p);

#endif
