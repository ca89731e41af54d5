/* SPDX-License-Identifier: Apache-2.0 */
#include "rng.h"

#include <string.h>

#include "context.h"
#include "fmp/api.h"
#include "hash.h"
#include "memory.h"
#include "status.h"

static struct fmp__ordinal *find_scope(fmp__ordinals *ordinals, uint64_t scope)
{
  for (uint32_t i = 0; i < ordinals->n; i++)
    if (ordinals->items[i].scope == scope) return &ordinals->items[i];
  return NULL;
}

static struct fmp__ordinal *add_scope(fmp__ordinals *ordinals, uint64_t scope)
{
  if (!fmp__grow((void **)&ordinals->items, &ordinals->room, ordinals->n, sizeof *ordinals->items))
    return NULL;
  struct fmp__ordinal *ordinal = &ordinals->items[ordinals->n++];
  ordinal->scope = scope;
  ordinal->count = 0;
  return ordinal;
}

/* Where the hashes of a scope start: apart for recordings and for single ops. */
enum { RECORDED = 1, SINGLE = 2 };

uint64_t fmp__eager_key(const char *path) { return fmp__hash_bytes(SINGLE, path, strlen(path)); }

fmp_status fmp__ordinals_next(fmp__ordinals *ordinals, const char *path, uint64_t *node)
{
  const uint64_t scope = fmp__hash_bytes(RECORDED, path, strlen(path));
  struct fmp__ordinal *ordinal = find_scope(ordinals, scope);
  if (!ordinal) ordinal = add_scope(ordinals, scope);
  if (!ordinal) return fmp__no_memory("a random key");
  *node = fmp__hash_number(scope, ordinal->count++);
  return FMP_OK;
}

void fmp__ordinals_free(fmp__ordinals *ordinals)
{
  fmp__free(ordinals->items);
  memset(ordinals, 0, sizeof *ordinals);
}

void fmp_random_seed(uint64_t seed) { fmp_random_set(seed, 0); }

void fmp_random_get(uint64_t *seed, uint64_t *step)
{
  const fmp__generator *g = &fmp__context_now()->generator;
  *seed = g->seed;
  *step = g->step;
}

void fmp_random_set(uint64_t seed, uint64_t step)
{
  fmp__context_now()->generator = (fmp__generator){seed, step};
}
