/* SPDX-License-Identifier: Apache-2.0
 * Which bytes of an arena are taken at which steps. */
#ifndef FMP_PLAN_ROOM_H
#define FMP_PLAN_ROOM_H

#include "base/status.h"

/* Bytes from `begin`, taken by whoever lives from step `first` to step `last`, both included. */
typedef struct fmp__stay {
  uint32_t first, last;
  int64_t begin, bytes;
} fmp__stay;

typedef struct fmp__room fmp__room;

fmp_status fmp__room_new(uint32_t n_steps, fmp__room **room);
void fmp__room_free(fmp__room *room); /* NULL allowed */
/* The lowest begin at which the stay, of which that is not looked at, finds its bytes free. */
int64_t fmp__room_lowest(const fmp__room *room, const fmp__stay *stay);
fmp_status fmp__room_take(fmp__room *room, const fmp__stay *stay);

#endif
