/* SPDX-License-Identifier: Apache-2.0
 *
 * Random keys. Their formulas are part of what a saved graph and a seed mean, so they must not
 * change:
 *   recorded   mix(FNV(path) chained on 1) chained with the ordinal
 *   single     mix(FNV(path) chained on 2) */
#include "graph/rng.h"

#include <string.h>

#include "base/hash.h"
#include "base/status.h"
#include "fmp/api.h"

/* Where the hashes of a path start, so that the two kinds of key never meet. */
enum { RECORDED = 1, SINGLE = 2 };

uint64_t fmp__eager_key(const char *path) { return fmp__hash_bytes(SINGLE, path, strlen(path)); }

fmp_status fmp__ordinals_next(fmp__ordinals *ordinals, const char *path, uint64_t *node)
{
  const uint64_t scope = fmp__hash_bytes(RECORDED, path, strlen(path));
  const uint32_t count = fmp__table_get(&ordinals->counts, scope);
  if (!fmp__table_set(&ordinals->counts, scope, count + 1)) return fmp__no_memory("a random key");
  *node = fmp__hash_number(scope, count);
  return FMP_OK;
}

void fmp__ordinals_free(fmp__ordinals *ordinals) { fmp__table_free(&ordinals->counts); }

static _Thread_local fmp__generator generator;

fmp__generator *fmp__generator_of_thread(void) { return &generator; }

void fmp_random_seed(uint64_t seed) { fmp_random_set(seed, 0); }

void fmp_random_get(uint64_t *seed, uint64_t *step)
{
  if (seed) *seed = generator.seed;
  if (step) *step = generator.step;
}

void fmp_random_set(uint64_t seed, uint64_t step) { generator = (fmp__generator){seed, step}; }
