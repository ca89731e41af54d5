/* SPDX-License-Identifier: Apache-2.0
 *
 * Text that grows, results lent to callers, and suggestions for misspelt names. */
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/thread.h"

/* -- growing text ---------------------------------------------------------- */

static int make_room(fmp__text *text, size_t more)
{
  if (text->length + more < text->room) return 1;
  const size_t room = (text->length + more) * 2 + 64;
  char *bytes = fmp__realloc(text->bytes, room);
  if (!bytes) return 0;
  text->bytes = bytes;
  text->room = room;
  return 1;
}

/* Formats twice, first to learn the length. Arguments must not point into the text itself: growing
 * moves it. */
void fmp__text_add(fmp__text *text, const char *format, ...)
{
  va_list args, again;
  va_start(args, format);
  va_copy(again, args);
  const int needed = vsnprintf(NULL, 0, format, args);
  if (needed < 0 || !make_room(text, (size_t)needed + 1)) {
    text->failed = 1;
  } else {
    vsnprintf(text->bytes + text->length, (size_t)needed + 1, format, again);
    text->length += (size_t)needed;
  }
  va_end(again);
  va_end(args);
}

void fmp__text_clear(fmp__text *text)
{
  text->length = 0;
  text->failed = 0;
  if (text->bytes) text->bytes[0] = '\0';
}

void fmp__text_free(fmp__text *text)
{
  fmp__free(text->bytes);
  memset(text, 0, sizeof *text);
}

/* -- results lent to the caller -------------------------------------------- */

/* A result stays valid until the thread asks for four more; the buffers end with the thread. */
enum { TEXTS = 4 };
static _Thread_local fmp__text texts[TEXTS];
static _Thread_local uint32_t next_text;

static void free_texts(void)
{
  for (int i = 0; i < TEXTS; i++) fmp__text_free(&texts[i]);
}

fmp__text *fmp__text_of_thread(void)
{
  fmp__text *text = &texts[next_text++ % TEXTS];
  fmp__thread_at_end(FMP__END_TEXTS, free_texts);
  fmp__text_clear(text);
  return text;
}

/* -- nearest name ---------------------------------------------------------- */

/* What ops and attributes may be called; see definition.c. */
enum { LONGEST_NAME = 63 };

static int least(int a, int b, int c)
{
  const int ab = a < b ? a : b;
  return ab < c ? ab : c;
}

/* Levenshtein's distance, keeping one row of the table: row[j] is the distance of a's first i
 * letters to b's first j. Texts that are too long to be names count as far away. */
static int edit_distance(const char *a, const char *b)
{
  const size_t n = strlen(a), m = strlen(b);
  int row[LONGEST_NAME + 1];
  if (n > LONGEST_NAME || m > LONGEST_NAME) return LONGEST_NAME;
  for (size_t j = 0; j <= m; j++) row[j] = (int)j;
  for (size_t i = 1; i <= n; i++) {
    int diagonal = row[0];
    row[0] = (int)i;
    for (size_t j = 1; j <= m; j++) {
      const int above = row[j];
      row[j] = least(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
      diagonal = above;
    }
  }
  return row[m];
}

/* A name that differs in more than one letter and a third of its length is another word, not a
 * slip. Of equally near names the first offered stays, so that the suggestion depends on nothing
 * but their order. */
void fmp__nearest_offer(fmp__nearest *nearest, const char *candidate)
{
  const int distance = edit_distance(nearest->name, candidate);
  const int limit = 1 + (int)(strlen(nearest->name) / 3);
  if (distance > limit || (nearest->best && distance >= nearest->distance)) return;
  nearest->best = candidate;
  nearest->distance = distance;
}

const char *fmp__nearest_hint(const fmp__nearest *nearest, char *text, size_t room)
{
  text[0] = '\0';
  if (nearest->best) snprintf(text, room, "; did you mean '%s'?", nearest->best);
  return text;
}

int fmp__has_word(const char *list, const char *word)
{
  const size_t n = strlen(word);
  if (!list || n == 0) return 0;
  for (const char *p = list; *p;) {
    const size_t length = strcspn(p, " ");
    if (length == n && memcmp(p, word, n) == 0) return 1;
    p += length;
    p += strspn(p, " ");
  }
  return 0;
}
