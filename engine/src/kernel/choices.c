/* SPDX-License-Identifier: Apache-2.0
 *
 * Measured choices: a JSON object in memory, and the file that holds the same sooner or later. All
 * of it is guarded by FMP__LOCK_CHOICES, which is held while the file is written.
 *
 * A file is always written whole (aside.h), so it is not written for each choice, which would cost
 * the square of the choices in bytes. It is written once what it lacks comes to an eighth of what
 * it has, so that n choices cost as many bytes as n choices take, times a constant; choices that
 * come slowly are written as they come. An op made ready for 500, 1000 and 2000 shapes took 7.7,
 * 15.4 and 33.8 s when each was written, and takes 0.4, 0.7 and 0.9 s. */
#define _POSIX_C_SOURCE 200809L /* access */

#include "kernel/choices.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/aside.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/locks.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/status.h"
#include "base/stop.h"
#include "fmp/api.h"

/* The file: {"fmp_kernels": 1, "choices": {KEY: KERNEL, ...}}; keys are make_key()'s, in
 * autotune.c. */
static const char version_key[] = "fmp_kernels", choices_key[] = "choices";
enum { VERSION = 1, MOST_BYTES = 1 << 24 };

static json_t *file_object; /* all that the file is to hold; NULL: closed */
static atomic_int is_open;  /* is there a file_object? To be asked without the lock */
static char *file_path;     /* NULL: choices are kept in memory alone */

/* What the file lacks, and what a crash would lose: less than an eighth of the choices. */
enum { PARTS = 8, LONGEST_WAIT = 1000000000 /* ns */ };
static int is_unsaved;
static size_t n_fresh;       /* choices since it was last written, or could not be written */
static int64_t last_writing; /* when that was */

/* -- reading --------------------------------------------------------------- */

static fmp_status new_object(json_t **object)
{
  json_t *made = json_object();
  const int failed = fmp__json_set(made, version_key, json_integer(VERSION)) ||
                     fmp__json_set(made, choices_key, json_object());
  *object = fmp__json_whole(made, failed);
  return *object ? FMP_OK : fmp__no_memory("choices of kernels");
}

/* Names of kernels may be anything: one that no longer exists is measured anew (autotune.c). */
static fmp_status check_object(const json_t *object)
{
  json_t *version, *choices, *name;
  const char *key;
  int64_t number;
  FMP_TRY(fmp__json_get(object, version_key, JSON_INTEGER, &version));
  FMP_TRY(fmp__json_number(version, INT64_MAX, &number));
  if (number != VERSION)
    return fmp__fail(FMP_EDATA, "expected version %d of kernel choices, got %lld", VERSION,
                     (long long)number);
  FMP_TRY(fmp__json_get(object, choices_key, JSON_OBJECT, &choices));
  json_object_foreach(choices, key, name) if (!json_is_string(name)) return fmp__fail(
      FMP_EDATA, "expected a kernel's name for '%s'", key);
  return FMP_OK;
}

static fmp_status parse(const char *text, size_t n, json_t **object)
{
  FMP_TRY(fmp__json_parse(text, n, object));
  const fmp_status status = check_object(*object);
  if (status == FMP_OK) return FMP_OK;
  json_decref(*object);
  *object = NULL;
  return status;
}

/* One byte more, so that an empty file allocates something, and is then refused by the parser. */
static fmp_status read_opened(int file, int64_t size, json_t **object)
{
  if (size > MOST_BYTES)
    return fmp__fail(FMP_EDATA, "expected at most %d bytes, got %lld", MOST_BYTES, (long long)size);
  char *text = fmp__alloc((size_t)size + 1);
  if (!text) return fmp__no_memory("choices of kernels");
  fmp_status status = fmp__file_read(file, 0, text, size);
  if (status == FMP_OK) status = parse(text, (size_t)size, object);
  fmp__free(text);
  return status;
}

/* A file that does not exist yet is an empty one; any other must be readable. */
static fmp_status read_file(const char *path, json_t **object)
{
  int file;
  int64_t size;
  if (access(path, F_OK) != 0 && errno == ENOENT) return new_object(object);
  FMP_TRY(fmp__file_open(path, &file, &size));
  const fmp_status status = read_opened(file, size, object);
  fmp__file_close(file);
  return status;
}

/* -- writing --------------------------------------------------------------- */

/* Beside its place and renamed, so that a process that reads it meanwhile sees a whole file. */
static int put(fmp__aside *a, const char *text, size_t n)
{
  if (fmp__aside_open(file_path, 0666, a) != 0) return -1;
  if (fmp__aside_write(a, text, n) == 0) return fmp__aside_commit(a);
  fmp__aside_discard(a);
  return -1;
}

/* What could not be read again must not be written. */
static fmp_status write_text(const char *text, size_t n)
{
  fmp__aside aside;
  if (n > MOST_BYTES)
    return fmp__fail(FMP_EUNSUPPORTED, "expected at most %d bytes to write, got %zu", MOST_BYTES,
                     n);
  return put(&aside, text, n) == 0 ? FMP_OK : fmp__fail(FMP_EIO, "%s", aside.why);
}

/* Choices of other processes that share the file are kept, unless we have made the same choice.
 * Between this reading and the renaming another process may still write; what it adds just then is
 * lost and measured again. If the file has become something else, it is replaced, and a warning
 * says so. */
static fmp_status take_others(void)
{
  json_t *there = NULL;
  char text[FMP__ERROR_TEXT];
  fmp__error_keep(text);
  if (read_file(file_path, &there) != FMP_OK)
    fmp__log(FMP__LOG_WARNING, "%s: is replaced: %s", file_path, fmp_last_error());
  fmp__error_restore(text);
  const int failed = there && json_object_update_missing(json_object_get(file_object, choices_key),
                                                         json_object_get(there, choices_key)) != 0;
  json_decref(there);
  return failed ? fmp__no_memory("choices of kernels") : FMP_OK;
}

static fmp_status write_object(void)
{
  char *text;
  size_t n;
  FMP_TRY(take_others());
  FMP_TRY(fmp__json_write(file_object, &text, &n));
  const fmp_status status = write_text(text, n);
  fmp__free(text);
  return status;
}

/* A failure counts as an attempt, so that a full disk is not tried again with every choice. */
static fmp_status write_file(void)
{
  const fmp_status status = write_object();
  is_unsaved = status != FMP_OK;
  n_fresh = 0;
  last_writing = fmp__clock_now();
  return status == FMP_OK ? FMP_OK : fmp__fail_in(status, "%s", file_path);
}

static fmp_status save_locked(void) { return is_unsaved && file_path ? write_file() : FMP_OK; }

fmp_status fmp__choices_save(void)
{
  fmp__lock(FMP__LOCK_CHOICES);
  const fmp_status status = save_locked();
  fmp__unlock(FMP__LOCK_CHOICES);
  return status;
}

/* For moments at which nobody has asked for it, so that nobody could be told by a status. */
static void save_or_warn(void)
{
  char text[FMP__ERROR_TEXT];
  fmp__error_keep(text);
  if (save_locked() != FMP_OK)
    fmp__log(FMP__LOG_WARNING, "choices of kernels are lost: %s", fmp_last_error());
  fmp__error_restore(text);
}

/* A process that was forked leaves saving to its parent. */
static void save_at_exit(void)
{
  if (fmp__is_forked()) return;
  fmp__lock(FMP__LOCK_CHOICES);
  save_or_warn();
  fmp__unlock(FMP__LOCK_CHOICES);
}

static void watch_exit(void) { atexit(save_at_exit); }

/* -- the table ------------------------------------------------------------- */

/* Saves before another file is read, which may be the same one. */
static void leave(void)
{
  fmp__lock(FMP__LOCK_CHOICES);
  save_or_warn();
  fmp__unlock(FMP__LOCK_CHOICES);
}

/* Takes over object and path. Saves once more, in case another thread has added a choice since. */
static void replace(json_t *object, char *path)
{
  fmp__lock(FMP__LOCK_CHOICES);
  save_or_warn(); /* what another thread has added since */
  json_decref(file_object);
  fmp__free(file_path);
  file_object = object;
  file_path = path;
  is_unsaved = 0;
  n_fresh = 0;
  last_writing = 0;
  atomic_store(&is_open, object != NULL);
  fmp__unlock(FMP__LOCK_CHOICES);
}

/* The old choices stay in force if the new file cannot be read. */
static fmp_status open_file(const char *path)
{
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  json_t *object = NULL;
  char *copy = fmp__copy_text(path);
  if (!copy) return fmp__no_memory("a path");
  const fmp_status status = read_file(path, &object);
  if (status == FMP_OK) {
    pthread_once(&once, watch_exit);
    replace(object, copy);
    return FMP_OK;
  }
  fmp__free(copy);
  return fmp__fail_in(status, "%s", path);
}

fmp_status fmp__choices_open(const char *path)
{
  json_t *object = NULL;
  leave();
  if (*path) return open_file(path);
  FMP_TRY(new_object(&object));
  replace(object, NULL);
  return FMP_OK;
}

void fmp__choices_close(void)
{
  leave();
  replace(NULL, NULL);
}

int fmp__choices_are_open(void) { return atomic_load(&is_open); }

/* json_object_get() takes NULL, so closed choices have no entries. */
void fmp__choices_find(const char *key, fmp__text *name)
{
  fmp__lock(FMP__LOCK_CHOICES);
  const json_t *found = json_object_get(json_object_get(file_object, choices_key), key);
  if (found) fmp__text_add(name, "%s", json_string_value(found));
  fmp__unlock(FMP__LOCK_CHOICES);
}

/* Either enough choices have come, or a second has passed since the last writing. */
static int is_due(const json_t *choices)
{
  return PARTS * n_fresh >= json_object_size(choices) ||
         fmp__clock_now() - last_writing >= LONGEST_WAIT;
}

/* If writing fails, the choice still holds for this process, and the caller is told. */
static fmp_status add(json_t *choices, const char *key, const char *name)
{
  if (fmp__json_set(choices, key, json_string(name))) return fmp__no_memory("a choice of kernel");
  is_unsaved = 1;
  n_fresh++;
  return file_path && is_due(choices) ? write_file() : FMP_OK;
}

fmp_status fmp__choices_add(const char *key, const char *name)
{
  fmp__lock(FMP__LOCK_CHOICES);
  json_t *choices = json_object_get(file_object, choices_key);
  const fmp_status status = choices ? add(choices, key, name) : FMP_OK;
  fmp__unlock(FMP__LOCK_CHOICES);
  return status;
}
