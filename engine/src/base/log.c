/* SPDX-License-Identifier: Apache-2.0
 *
 * Messages to stderr. The level is one atomic number, so that a message that is not shown costs a
 * load. */
#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fmp/api.h"

enum { UNSET = -1, UNKNOWN = -2 };

static const char *const names[] = {"error", "warning", "info", "detail"};
enum { N_LEVELS = sizeof names / sizeof names[0] };

static atomic_int level_now = UNSET;

void fmp_log_level(int32_t level) { atomic_store(&level_now, level < 0 ? 0 : level); }

/* A level by its name or its number; UNKNOWN if a text is neither. */
static int level_of(const char *text)
{
  char *end;
  for (int i = 0; i < N_LEVELS; i++)
    if (strcmp(text, names[i]) == 0) return i;
  const long number = strtol(text, &end, 10);
  if (end == text || *end || number < 0) return UNKNOWN;
  return number < N_LEVELS ? (int)number : N_LEVELS - 1;
}

/* Sets the level that the environment asks for, unless another thread has set one meanwhile.
 * Returns the level in force. */
static int set_first(int level)
{
  int unset = UNSET;
  atomic_compare_exchange_strong(&level_now, &unset, level);
  return atomic_load(&level_now);
}

/* A level that is misspelt must not make the engine quieter than it would be without one: the
 * default holds, and a warning says so. fmp__log() calls this and is called by it, which ends
 * because the level is set before. */
static int level_in_force(void)
{
  const int level = atomic_load(&level_now);
  if (level != UNSET) return level;
  const char *text = getenv("FMP_LOG");
  const int wanted = text && *text ? level_of(text) : FMP__LOG_WARNING;
  if (wanted != UNKNOWN) return set_first(wanted);
  const int first = set_first(FMP__LOG_WARNING);
  fmp__log(FMP__LOG_WARNING,
           "FMP_LOG: expected error, warning, info, detail or a number from 0 to 3, got '%s'",
           text);
  return first;
}

void fmp__log_start(void) { level_in_force(); }

void fmp__log(int32_t level, const char *format, ...)
{
  if (level > level_in_force()) return;
  /* One fprintf for the whole line: stdio locks the stream, so lines of several threads do not mix.
   */
  char line[2048];
  va_list args;
  va_start(args, format);
  vsnprintf(line, sizeof line, format, args);
  va_end(args);
  fprintf(stderr, "fmp: %s: %s\n", names[level < 0 || level >= N_LEVELS ? N_LEVELS - 1 : level],
          line);
}
