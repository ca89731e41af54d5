/* SPDX-License-Identifier: Apache-2.0
 *
 * Which bytes of an arena are taken at which steps; for plan_place.c, which asks for each buffer
 * where it can lie. */
#ifndef FMP_PLAN_ROOM_H
#define FMP_PLAN_ROOM_H

#include "base/status.h"

/* So many bytes from `begin` on, taken from step `first` to step `last`, both included. */
typedef struct fmp__stay {
  uint32_t first, last;
  int64_t begin, bytes;
} fmp__stay;

typedef struct fmp__room fmp__room;

fmp_status fmp__room_new(uint32_t n_steps, fmp__room **room);
void fmp__room_free(fmp__room *room); /* NULL allowed */
/* The lowest place at which the stay finds its bytes free at all of its steps; its `begin` is not
 * looked at. */
int64_t fmp__room_lowest(const fmp__room *room, const fmp__stay *stay);
/* Takes the bytes, which are free. If it fails, the room is good for nothing but being freed. */
fmp_status fmp__room_take(fmp__room *room, const fmp__stay *stay);

#endif
