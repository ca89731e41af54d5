/* SPDX-License-Identifier: Apache-2.0
 *
 * Text: a buffer that grows, the nearest of several names, words of a list. */
#ifndef FMP_TEXT_H
#define FMP_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "fmp/plugin.h"

/* Starts as {0}. An append that fails sets `failed` and loses that piece; later ones may succeed,
 * so code that needs the whole text looks at `failed` in the end. */
typedef struct fmp__text {
  char *bytes; /* NUL-terminated once anything was appended */
  size_t length, room;
  int failed;
} fmp__text;

void fmp__text_add(fmp__text *text, const char *format, ...) FMP_PRINTF(2, 3);
void fmp__text_clear(fmp__text *text); /* keeps the memory */
void fmp__text_free(fmp__text *text);

/* An empty buffer for a result that api.h marks "thread's". Four take turns, so that one printf can
 * show several results. */
fmp__text *fmp__text_of_thread(void);

/* Looks for the candidate that is most like a misspelt name. Starts as {name}. */
typedef struct fmp__nearest {
  const char *name;
  const char *best; /* NULL: none is near enough to suggest; borrowed */
  int distance;
} fmp__nearest;

void fmp__nearest_offer(fmp__nearest *nearest, const char *candidate);
/* "; did you mean 'conv2d'?", or "" if nothing is near, into text[room], which it returns. */
const char *fmp__nearest_hint(const fmp__nearest *nearest, char *text, size_t room);

/* Is `word` among the words of `list`, which are separated by spaces? A list of NULL has none. */
int fmp__has_word(const char *list, const char *word);

#endif
