/* SPDX-License-Identifier: Apache-2.0
 *
 * The thread's scope path, in a fixed buffer: entering a scope allocates nothing. */
#include "graph/scope.h"

#include <stdio.h>
#include <string.h>

#include "base/status.h"
#include "fmp/api.h"

enum { MOST_SCOPES = 64 };

/* path is NUL-terminated and shorter than FMP__SCOPE_PATH; ends[i] is its length before push i. */
static _Thread_local char path[FMP__SCOPE_PATH];
static _Thread_local size_t ends[MOST_SCOPES];
static _Thread_local int32_t depth;

/* A name may contain '/': loaded graphs and users make paths of several parts at once. */
fmp_status fmp_scope_push(const char *name)
{
  const size_t length = strlen(path);
  if (!name || !*name) return fmp__fail(FMP_EINVAL, "expected the name of a scope");
  if (depth == MOST_SCOPES || length + strlen(name) + 2 > sizeof path)
    return fmp__fail(FMP_EINVAL, "scope '%s' in '%.60s...': nested too deeply", name, path);
  ends[depth++] = length;
  snprintf(path + length, sizeof path - length, "%s%s", length ? "/" : "", name);
  return FMP_OK;
}

void fmp_scope_pop(void)
{
  if (depth > 0) path[ends[--depth]] = '\0';
}

const char *fmp_scope_path(void) { return path; }

void fmp__scope_set(const char *whole) { snprintf(path, sizeof path, "%s", whole); }
