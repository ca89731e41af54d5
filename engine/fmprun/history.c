/* SPDX-License-Identifier: Apache-2.0
 *
 * The history file. Writers exclude each other by a lock on the file itself; it is appended to in
 * place, and replaced whole (base/aside.h) when it is shortened. Readers take no lock: they see
 * whole appends, or at worst a last line whose end is still missing. */
#define _DEFAULT_SOURCE /* flock */

#include "history.h"

#include <stdlib.h>
#include <sys/file.h>

#include "base/aside.h"
#include "fmp/kit/file.h"

static int fails(char *why, int reason)
{
  snprintf(why, HISTORY_WHY, "%s", strerror(reason));
  return -1;
}

/* As fmp_file_open. errno stays the reason, since history_read asks for ENOENT. */
static int open_file(const char *path, int flags, struct stat *about, char *why)
{
  const int file = fmp_file_open(path, flags, about, why, HISTORY_WHY);
  const int reason = errno;
  if (file < 0 && reason != 0) (void)fails(why, reason);
  errno = reason;
  return file;
}

/* -- reading --------------------------------------------------------------- */

/* The last `limit` bytes, less a first line that has lost its beginning. */
static int read_end(int file, size_t size, size_t limit, char **bytes, size_t *n, char *why)
{
  const size_t wanted = size < limit ? size : limit;
  char *made = malloc(wanted + 1);
  if (!made) return fails(why, ENOMEM);
  const ssize_t got = fmp_file_read(file, made, wanted, (off_t)(size - wanted));
  if (got < 0) {
    const int reason = errno;
    free(made);
    return fails(why, reason);
  }
  const char *newline = size > limit ? memchr(made, '\n', (size_t)got) : NULL;
  const size_t skipped = newline ? (size_t)(newline + 1 - made) : 0;
  *n = (size_t)got - skipped;
  memmove(made, made + skipped, *n);
  *bytes = made;
  return 0;
}

int history_read(const char *path, size_t limit, char **bytes, size_t *n, char *why)
{
  struct stat about;
  const int file = open_file(path, O_RDONLY, &about, why);
  *bytes = NULL;
  *n = 0;
  if (file < 0) return errno == ENOENT ? 0 : -1;
  const int status = read_end(file, (size_t)about.st_size, limit, bytes, n, why);
  close(file);
  return status;
}

/* -- adding ---------------------------------------------------------------- */

/* Is the open file still the one that this path names? */
static int same_file(int file, const char *path)
{
  struct stat opened, named;
  return fstat(file, &opened) == 0 && stat(path, &named) == 0 && opened.st_ino == named.st_ino &&
         opened.st_dev == named.st_dev;
}

/* Whoever waits for the lock while another prompt replaces the file has locked the old one in the
 * end; the path then names a new one, and it tries again. Only prompts that shorten the file at
 * that very moment can make an attempt fail. */
static int open_locked(const char *path, char *why)
{
  enum { ATTEMPTS = 100 };
  struct stat about;
  for (int i = 0; i < ATTEMPTS; i++) {
    const int file = open_file(path, O_RDWR | O_APPEND | O_CREAT, &about, why);
    if (file < 0) return -1;
    while (flock(file, LOCK_EX) != 0 && errno == EINTR) continue;
    if (same_file(file, path)) return file;
    close(file);
  }
  return fails(why, EBUSY);
}

/* The lock that the caller holds is on the old file; nobody can append to the new one unseen. */
static void put_in_place(const char *path, const char *bytes, size_t n)
{
  fmp__aside aside;
  if (fmp__aside_open(path, 0600, &aside) != 0) return;
  if (fmp__aside_write(&aside, bytes, n) == 0)
    (void)fmp__aside_commit(&aside);
  else
    fmp__aside_discard(&aside);
}

/* Half of `limit` stays, so that shortening is rare. A file that cannot be shortened stays long,
 * and nothing is lost. */
static void drop_older(const char *path, int file, size_t size, size_t limit)
{
  char *bytes, why[HISTORY_WHY];
  size_t n;
  if (read_end(file, size, limit / 2, &bytes, &n, why) != 0) return;
  put_in_place(path, bytes, n);
  free(bytes);
}

/* Half a line would spoil the next one, so if writing fails, what was written is cut off again.
 * Returns 0 or errno. */
static int append(int file, off_t size, const char *line, size_t n)
{
  if (fmp_file_write(file, line, n) == 0 && fdatasync(file) == 0) return 0;
  const int reason = errno;
  return ftruncate(file, size) == 0 ? reason : errno;
}

int history_append(const char *path, const char *line, size_t n, size_t limit, char *why)
{
  struct stat about;
  const int file = open_locked(path, why);
  if (file < 0) return -1;
  int reason = fstat(file, &about) == 0 ? 0 : errno;
  if (reason == 0) reason = append(file, about.st_size, line, n);
  const size_t size = (size_t)about.st_size + n;
  if (reason == 0 && size > limit) drop_older(path, file, size, limit);
  close(file);
  return reason == 0 ? 0 : fails(why, reason);
}
