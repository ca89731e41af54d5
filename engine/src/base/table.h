/* SPDX-License-Identifier: Apache-2.0
 * A table from keys to numbers: found in one step, however many a file makes us keep. */
#ifndef FMP_TABLE_H
#define FMP_TABLE_H

#include <stdint.h>

typedef struct fmp__table {
  struct fmp__entry {
    uint64_t key;
    uint32_t number; /* 0: a free place */
  } * places;
  uint32_t n, room; /* room: a power of two, or 0 */
} fmp__table;

/* 0: there is none. */
uint32_t fmp__table_get(const fmp__table *table, uint64_t key);
/* Makes room for so many further keys. Zero if there is no memory; then all is as it was. */
int fmp__table_reserve(fmp__table *table, uint32_t n);
/* number: not 0. Zero as above, never where there is room. */
int fmp__table_set(fmp__table *table, uint64_t key, uint32_t number);
void fmp__table_free(fmp__table *table);

#endif
