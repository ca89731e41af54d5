/* SPDX-License-Identifier: Apache-2.0
 *
 * Texts by their hash. Two that share one take the numbers behind it, so a search ends where a
 * number is free. */
#include "base/intern.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/locks.h"
#include "base/memory.h"
#include "base/table.h"

/* Under the lock. texts[i] is number i + 1 of the table. */
static fmp__table table;
static char **texts;
static uint32_t n_texts, texts_room;

enum { PARTS = 3 };

/* If it begins with the part, what comes behind it; else NULL. */
static const char *behind(const char *text, const char *part)
{
  const size_t n = strlen(part);
  return text && strncmp(text, part, n) == 0 ? text + n : NULL;
}

static int is_joined(const char *text, const char *const *parts)
{
  for (int i = 0; i < PARTS; i++) text = behind(text, parts[i]);
  return text && !*text;
}

static char *join(const char *const *parts)
{
  const size_t n = strlen(parts[0]) + strlen(parts[1]) + strlen(parts[2]) + 1;
  char *text = fmp__alloc(n);
  if (text) snprintf(text, n, "%s%s%s", parts[0], parts[1], parts[2]);
  return text;
}

static const char *add(uint64_t key, const char *const *parts)
{
  char *text = join(parts);
  if (text && fmp__grow((void **)&texts, &texts_room, n_texts, sizeof *texts) &&
      fmp__table_set(&table, key, n_texts + 1))
    return texts[n_texts++] = text;
  fmp__free(text);
  return parts[PARTS - 1];
}

static const char *find_or_add(const char *const *parts)
{
  uint64_t key = 0;
  for (int i = 0; i < PARTS; i++) key = fmp__hash_bytes(key, parts[i], strlen(parts[i]));
  for (uint32_t number; (number = fmp__table_get(&table, key)); key++)
    if (is_joined(texts[number - 1], parts)) return texts[number - 1];
  return add(key, parts);
}

const char *fmp__intern(const char *a, const char *b, const char *c)
{
  const char *const parts[PARTS] = {a, b, c};
  fmp__lock(FMP__LOCK_TEXTS);
  const char *text = find_or_add(parts);
  fmp__unlock(FMP__LOCK_TEXTS);
  return text;
}

void fmp__intern_free(void)
{
  fmp__lock(FMP__LOCK_TEXTS);
  for (uint32_t i = 0; i < n_texts; i++) fmp__free(texts[i]);
  fmp__free(texts);
  fmp__table_free(&table);
  texts = NULL;
  n_texts = texts_room = 0;
  fmp__unlock(FMP__LOCK_TEXTS);
}
