/* SPDX-License-Identifier: Apache-2.0
 *
 * Open addressing with linear probing. At most half of the places are taken, so a search always
 * ends at a free one, and soon. Keys may be bad hashes (addresses, counts): they are mixed here. */
#include "base/table.h"

#include <string.h>

#include "base/hash.h"
#include "base/memory.h"

/* The key's place, or the free one where it belongs. room is a power of two, and not 0. */
static struct fmp__entry *place_of(const fmp__table *table, uint64_t key)
{
  const uint32_t mask = table->room - 1;
  uint32_t at = (uint32_t)fmp_mix64(key) & mask;
  while (table->places[at].number && table->places[at].key != key) at = (at + 1) & mask;
  return &table->places[at];
}

/* Entries keep their numbers; n does not change, as no key is new. */
static int grow(fmp__table *table)
{
  enum { FIRST_ROOM = 16 };
  if (table->room > UINT32_MAX / 2) return 0;
  fmp__table larger = {.n = table->n, .room = table->room ? 2 * table->room : FIRST_ROOM};
  larger.places = fmp__alloc_zeroed(larger.room, sizeof *larger.places);
  if (!larger.places) return 0;
  for (uint32_t i = 0; i < table->room; i++)
    if (table->places[i].number) *place_of(&larger, table->places[i].key) = table->places[i];
  fmp__free(table->places);
  *table = larger;
  return 1;
}

uint32_t fmp__table_get(const fmp__table *table, uint64_t key)
{
  return table->room ? place_of(table, key)->number : 0;
}

int fmp__table_reserve(fmp__table *table, uint32_t n)
{
  while (table->n + n > table->room / 2)
    if (!grow(table)) return 0;
  return 1;
}

int fmp__table_set(fmp__table *table, uint64_t key, uint32_t number)
{
  if (!fmp__table_reserve(table, 1)) return 0;
  struct fmp__entry *place = place_of(table, key);
  table->n += place->number == 0;
  *place = (struct fmp__entry){key, number};
  return 1;
}

void fmp__table_free(fmp__table *table)
{
  fmp__free(table->places);
  memset(table, 0, sizeof *table);
}
