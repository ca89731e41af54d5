/* SPDX-License-Identifier: Apache-2.0 */
#define _DEFAULT_SOURCE 1 /* MAP_ANONYMOUS, MAP_NORESERVE */
#include "guard.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

enum { ALIGNMENT = 64, PAGE = 1 << 16, PLACE = 64 << 20, MARGIN = 4096 };

/* NaN, and so is each half of it, and a pair. */
static const uint16_t pattern = 0xFFF1;

struct place {
  char *begin; /* PLACE bytes that may be touched */
  char *data;
  size_t bytes;
};

static struct place places[GUARD_PLACES];

static int open_place(struct place *p)
{
  if (p->begin != NULL) return 1;
  char *const all = mmap(NULL, (size_t)PLACE + 2 * (size_t)PAGE, PROT_NONE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (all == MAP_FAILED) return 0;
  if (mprotect(all + PAGE, PLACE, PROT_READ | PROT_WRITE) != 0) return 0;
  p->begin = all + PAGE;
  return 1;
}

static size_t rounded(size_t bytes) { return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT; }

/* The margins before and after the data, as far as they may be touched. */
static void margins(const struct place *p, char *from[2], char *to[2])
{
  char *const end = p->begin + PLACE, *const after = p->data + p->bytes;
  from[0] = p->data - p->begin > MARGIN ? p->data - MARGIN : p->begin;
  to[0] = p->data;
  from[1] = after;
  to[1] = end - after > MARGIN ? after + MARGIN : end;
}

static unsigned char pattern_at(const char *at)
{
  return (unsigned char)((uintptr_t)at % 2 == 0 ? pattern & 0xFF : pattern >> 8);
}

void *guard_take(int place, size_t bytes, int side)
{
  struct place *p = &places[place];
  char *from[2], *to[2];
  if (!open_place(p) || rounded(bytes) > PLACE) return NULL;
  p->data = side == GUARD_LOW ? p->begin : p->begin + PLACE - rounded(bytes);
  p->bytes = bytes;
  memset(p->data, 0xFF, bytes);
  margins(p, from, to);
  for (int i = 0; i < 2; i++)
    for (char *at = from[i]; at < to[i]; at++) *(unsigned char *)at = pattern_at(at);
  return p->data;
}

size_t guard_broken(int place)
{
  char *from[2], *to[2];
  size_t count = 0;
  if (places[place].data == NULL) return 0;
  margins(&places[place], from, to);
  for (int i = 0; i < 2; i++)
    for (const char *at = from[i]; at < to[i]; at++)
      count += *(const unsigned char *)at != pattern_at(at);
  return count;
}
