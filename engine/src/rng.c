/* SPDX-License-Identifier: Apache-2.0 */
#include "rng.h"

#include <string.h>

#include "context.h"
#include "fmp/api.h"
#include "hash.h"
#include "status.h"

/* Where the hashes of a scope start: apart for recordings and for single ops. */
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

void fmp_random_seed(uint64_t seed) { fmp_random_set(seed, 0); }

void fmp_random_get(uint64_t *seed, uint64_t *step)
{
  const fmp__generator *g = &fmp__context_now()->generator;
  if (seed) *seed = g->seed;
  if (step) *step = g->step;
}

void fmp_random_set(uint64_t seed, uint64_t step)
{
  fmp__context_now()->generator = (fmp__generator){seed, step};
}
