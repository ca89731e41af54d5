/* SPDX-License-Identifier: Apache-2.0
 * Text: a growing buffer, and the nearest of several names. */
#ifndef FMP_TEXT_H
#define FMP_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "fmp/plugin.h"

/* Starts as {0}. A failed append sticks: see `failed`. */
typedef struct fmp__text {
  char *bytes; /* NUL-terminated once anything was appended */
  size_t length, room;
  int failed;
} fmp__text;

void fmp__text_add(fmp__text *text, const char *format, ...) FMP_PRINTF(2, 3);
void fmp__text_clear(fmp__text *text); /* keeps the memory */
void fmp__text_free(fmp__text *text);

/* An empty buffer for a result that is marked "thread's" in api.h. Several take turns, so that two
 * results may stand in one printf. */
fmp__text *fmp__text_of_thread(void);

/* Finds the candidate most like a misspelt name. Starts as {name}. */
typedef struct fmp__nearest {
  const char *name;
  const char *best; /* NULL: nothing is near enough to suggest */
  int distance;
} fmp__nearest;

void fmp__nearest_offer(fmp__nearest *nearest, const char *candidate);
/* "; did you mean 'conv2d'?", or "" if nothing is near; text[room]. */
const char *fmp__nearest_hint(const fmp__nearest *nearest, char *text, size_t room);

/* Is `word` one of the words of `list`, separated by spaces? NULL list: no. */
int fmp__has_word(const char *list, const char *word);

#endif
