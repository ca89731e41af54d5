/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L /* fsync, O_CLOEXEC, O_DIRECTORY, strerror_r */

#include "aside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "memory.h"
#include "status.h"

fmp_status fmp__fail_system(const char *action)
{
  char reason[128];
  const int code = errno;
  if (strerror_r(code, reason, sizeof reason) != 0)
    snprintf(reason, sizeof reason, "error %d", code);
  return fmp__fail(FMP_EIO, "cannot %s: %s", action, reason);
}

/* -- opening --------------------------------------------------------------- */

static fmp_status open_directory(fmp__aside *a)
{
  const char *slash = strrchr(a->path, '/');
  char *name = fmp__copy_text(slash ? a->path : ".");
  if (!name) return fmp__no_memory("a path");
  if (slash) name[slash == a->path ? 1 : slash - a->path] = '\0';
  a->directory = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const fmp_status status =
      a->directory >= 0 ? FMP_OK : fmp__fail_system("open the directory that it is to be in");
  fmp__free(name);
  return status;
}

/* O_EXCL: never through a link that somebody else has put there. What a crash left behind
 * under such a name is passed over. */
static fmp_status open_temporary(fmp__aside *a)
{
  enum { ATTEMPTS = 32, SUFFIX = 48 };
  static atomic_uint counter;
  const size_t room = strlen(a->path) + SUFFIX;
  a->temporary = fmp__alloc(room);
  if (!a->temporary) return fmp__no_memory("a path");
  for (int i = 0; i < ATTEMPTS; i++) {
    snprintf(a->temporary, room, "%s.%ld-%u.part", a->path, (long)getpid(),
             atomic_fetch_add(&counter, 1));
    a->file = open(a->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (a->file >= 0) return FMP_OK;
    if (errno != EEXIST) break;
  }
  return fmp__fail_system("write beside it");
}

fmp_status fmp__aside_open(const char *path, fmp__aside *a)
{
  *a = (fmp__aside){.path = path, .file = -1, .directory = -1};
  if (!*path) return fmp__fail(FMP_EIO, "expected the path of a file");
  fmp_status status = open_directory(a);
  if (status == FMP_OK) status = open_temporary(a);
  if (status != FMP_OK) fmp__aside_discard(a);
  return status;
}

/* -- writing --------------------------------------------------------------- */

fmp_status fmp__aside_write(fmp__aside *a, const void *bytes, size_t n)
{
  for (const char *at = bytes; n > 0;) {
    const ssize_t written = write(a->file, at, n);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return fmp__fail_system("write");
    at += written;
    n -= (size_t)written;
  }
  return FMP_OK;
}

/* -- ending ---------------------------------------------------------------- */

void fmp__aside_discard(fmp__aside *a)
{
  if (a->file >= 0) {
    close(a->file);
    unlink(a->temporary);
  }
  if (a->directory >= 0) close(a->directory);
  fmp__free(a->temporary);
  *a = (fmp__aside){.file = -1, .directory = -1};
}

/* The content is on the disk before the name is, and the name before we say so. Some file
 * systems cannot sync a directory; they say EINVAL. */
static fmp_status move_there(fmp__aside *a)
{
  if (fsync(a->file) != 0) return fmp__fail_system("write");
  if (rename(a->temporary, a->path) != 0) return fmp__fail_system("put the new file in its place");
  const int closed = close(a->file);
  a->file = -1; /* the temporary name is gone */
  if (closed != 0) return fmp__fail_system("write");
  if (fsync(a->directory) != 0 && errno != EINVAL) return fmp__fail_system("write the directory");
  return FMP_OK;
}

fmp_status fmp__aside_commit(fmp__aside *a)
{
  const fmp_status status = move_there(a);
  fmp__aside_discard(a);
  return status;
}
