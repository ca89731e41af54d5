/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys of randomness. What a random op draws depends on (seed, step, node) and on nothing else.
 * Seed and step come from the thread's generator. The node key is fixed when the op is emitted,
 * from its scope path and its ordinal among the random ops of that scope, so that rewriting a graph
 * changes no draw and a recorded function draws what its compiled twin does.
 * docs/decisions/random-keys.md. */
#ifndef FMP_RNG_H
#define FMP_RNG_H

#include "base/table.h"
#include "fmp/plugin.h"

/* The whole state of a thread's randomness: restoring these two numbers resumes exactly. */
typedef struct fmp__generator {
  uint64_t seed;
  uint64_t step; /* each recording, plan run and single random op takes one and moves it on */
} fmp__generator;

fmp__generator *fmp__generator_of_thread(void);

/* How many random ops each scope of a graph has seen so far, by the hash of its path. */
typedef struct fmp__ordinals {
  fmp__table counts;
} fmp__ordinals;

/* The node key of the next random op in this scope of a recording or trace. FMP_ENOMEM only. */
fmp_status fmp__ordinals_next(fmp__ordinals *ordinals, const char *scope, uint64_t *node);
/* The node key of an op that runs by itself. It takes a step of its own, so it needs no ordinal;
 * and it is never one of the keys above, which start anew with each recording. */
uint64_t fmp__eager_key(const char *scope);
void fmp__ordinals_free(fmp__ordinals *ordinals);

#endif
