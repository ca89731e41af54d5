/* SPDX-License-Identifier: Apache-2.0 */
#include "log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "fmp/api.h"

enum { UNSET = -1 };

static atomic_int level_now = UNSET;

void fmp_log_level(int32_t level) { atomic_store(&level_now, level < 0 ? 0 : level); }

static int level_in_force(void)
{
  const int level = atomic_load(&level_now);
  if (level != UNSET) return level;
  const char *text = getenv("FMP_LOG");
  const int first = text ? (int)strtol(text, NULL, 10) : FMP__LOG_WARNING;
  int unset = UNSET; /* another thread may have set it meanwhile */
  atomic_compare_exchange_strong(&level_now, &unset, first < 0 ? 0 : first);
  return atomic_load(&level_now);
}

void fmp__log(int32_t level, const char *format, ...)
{
  static const char *const names[] = {"error", "warning", "info", "detail"};
  if (level > level_in_force()) return;
  /* One write per line, so that lines of several threads do not mix. */
  char line[2048];
  va_list args;
  va_start(args, format);
  vsnprintf(line, sizeof line, format, args);
  va_end(args);
  fprintf(stderr, "fmp: %s: %s\n", names[level < 0 || level > 3 ? 3 : level], line);
}
