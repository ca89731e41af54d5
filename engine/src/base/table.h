/* SPDX-License-Identifier: Apache-2.0
 *
 * A hash table from 64-bit keys to numbers, found in a step or two however many there are: files
 * and traces decide how many (before this, 80,000 captured tensors took a minute to look up).
 * Starts as {0}. Keys cannot be removed; the caller must tell whether an entry still holds. */
#ifndef FMP_TABLE_H
#define FMP_TABLE_H

#include <stdint.h>

typedef struct fmp__table {
  struct fmp__entry {
    uint64_t key;
    uint32_t number; /* 0: this place is free */
  } * places;
  uint32_t n, room; /* room: a power of two, or 0 */
} fmp__table;

/* 0: the key is not there. */
uint32_t fmp__table_get(const fmp__table *table, uint64_t key);
/* Makes room for n further keys, so that setting them cannot fail. Returns 0, with nothing changed,
 * if there is no memory. */
int fmp__table_reserve(fmp__table *table, uint32_t n);
/* number is not 0. Returns 0 as above, which never happens where room was reserved. */
int fmp__table_set(fmp__table *table, uint64_t key, uint32_t number);
void fmp__table_free(fmp__table *table);

#endif
