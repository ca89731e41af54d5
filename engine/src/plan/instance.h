/* SPDX-License-Identifier: Apache-2.0
 *
 * What an instance of a plan holds, for the two ways in which it runs: step by step (instance.c),
 * and as a graph of the device's (replay.c). */
#ifndef FMP_INSTANCE_H
#define FMP_INSTANCE_H

#include "plan/host_step.h"
#include "plan/plan.h"

/* A plan's work as its device has noted it. Inputs and outputs then have places of their own, from
 * and to which each run copies, since a graph has the addresses that it was noted with. Steps on
 * the host stand between the graphs. All zero: nothing was noted yet. */
typedef struct fmp__replay {
  int runs;         /* that were made step by step: the first comes before a capture */
  int is_refused;   /* the device cannot: never tried again */
  uint64_t seed;    /* that the graphs draw by */
  void **graphs;    /* n_on_host + 1; NULL: not noted yet */
  void **in, **out; /* memory on the device, by input and output of the plan */
} fmp__replay;

/* A view whose memory comes with each run: of input or output `index`, at an offset in bytes. */
typedef struct fmp__patch {
  fmp_view *view;
  uint32_t index;
  int64_t offset;
} fmp__patch;

/* What always holds between runs: `plan` is made for as many threads as the last run had, and the
 * views, calls and rngs are that plan's; calls[t] is step t's, ready but for the addresses of
 * inputs and outputs; `taken` is all NULL. The arena holds nothing then that anybody counts on:
 * every value is written before it is read in each run (plan.h). The stream is the instance's own,
 * so instances of one plan run on several threads at once, and all they share is constant. */
struct fmp_instance {
  fmp_plan *plan; /* retained */
  int32_t serial; /* non-zero: works on the calling thread alone */
  void *stream;
  void *arena, *scratch;
  uint64_t *step;   /* in the device's memory: what all rngs point to */
  fmp__call *calls; /* by step of the plan, like rngs */
  fmp_view *views;  /* of all steps in order, inputs before outputs */
  fmp_rng *rngs;
  fmp__patch *inputs, *outputs;
  uint32_t n_inputs, n_outputs;
  void *host_stream;   /* for steps on the host; NULL: there are none */
  fmp__hosted *hosted; /* by step; all zero for the others. NULL likewise */
  fmp__replay replay;  /* where the device repeats a plan's work in one piece */
  fmp_tensor **taken;  /* during a run: its inputs, contiguous, one reference each */
};

/* One step, with its scope and op in front of a failure. */
fmp_status fmp__instance_step(const fmp_instance *x, uint32_t t);
/* Step and seed of the thread's generator, for all that draws. */
fmp_status fmp__instance_draw(fmp_instance *x, uint64_t seed, uint64_t step);

/* Can this run be a replay? Not if the plan writes an input, since a copy would be written instead,
 * nor if an input shares memory with what the plan writes. */
int fmp__replay_can(const fmp_instance *x);
/* With inputs taken and outputs made. */
fmp_status fmp__replay_run(fmp_instance *x, fmp_tensor *const *out, uint64_t seed, uint64_t step);
void fmp__replay_free(fmp_instance *x);

#endif
