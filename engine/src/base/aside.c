/* SPDX-License-Identifier: Apache-2.0
 *
 * Replacing a file whole. While an fmp__aside is open, what has been written so far is one inode
 * that only this process holds: created with O_EXCL, locked, and reachable by its temporary name
 * alone. The old file is never opened for writing, so every failure leaves it as it was. */
#define _DEFAULT_SOURCE /* flock, fchown */

#include "base/aside.h"

#include <sys/file.h>
#include <time.h>

#include "fmp/kit/file.h"

/* Takes the reason from errno, so nothing may come between the failed call and this one. */
static int fails(fmp__aside *a, const char *action)
{
  snprintf(a->why, sizeof a->why, "cannot %s: %s", action, strerror(errno));
  return -1;
}

/* -- the place ------------------------------------------------------------- */

/* Replaces a link by its target, which counts from the link's directory unless it is absolute. */
static int put_target(char *place, const char *target)
{
  char joined[2 * FMP__PATH];
  const char *slash = strrchr(place, '/');
  const size_t kept = *target == '/' || !slash ? 0 : (size_t)(slash + 1 - place);
  snprintf(joined, sizeof joined, "%.*s%s", (int)kept, place, target);
  const size_t n = strlen(joined);
  if (n >= FMP__PATH) return errno = ENAMETOOLONG, -1;
  memcpy(place, joined, n + 1);
  return 0;
}

/* The file that is replaced is the one behind any links. They are followed here, not by realpath(),
 * because the file at the end need not exist yet. 40 is where Linux itself gives up. */
static int find_place(const char *path, char *place)
{
  enum { MOST_LINKS = 40 };
  char target[FMP__PATH];
  const size_t n = strlen(path);
  if (n == 0 || n >= FMP__PATH) return errno = n ? ENAMETOOLONG : ENOENT, -1;
  memcpy(place, path, n + 1);
  for (int i = 0; i < MOST_LINKS; i++) {
    const ssize_t length = readlink(place, target, sizeof target - 1);
    if (length < 0) return 0; /* not a link; other failures show when it is opened */
    target[length] = '\0';
    if (put_target(place, target) != 0) return -1;
  }
  errno = ELOOP;
  return -1;
}

/* rename() asks for write permission on the directory alone. We also ask for it on the file:
 * whoever may not write a file may not replace it either. */
static int look_at_place(fmp__aside *a)
{
  struct stat about;
  if (stat(a->place, &about) != 0) return 0;
  if (!S_ISREG(about.st_mode)) {
    snprintf(a->why, sizeof a->why, "expected a regular file, got %s",
             fmp_file_kind(about.st_mode));
    return -1;
  }
  if (access(a->place, W_OK) != 0) return fails(a, "write");
  a->replaces = 1;
  a->mode = about.st_mode & 0777;
  a->owner = about.st_uid;
  a->group = about.st_gid;
  return 0;
}

/* The directory stays open until the end, to be synced after the rename. */
static int open_directory(fmp__aside *a)
{
  char name[FMP__PATH];
  const char *slash = strrchr(a->place, '/');
  snprintf(name, sizeof name, "%.*s", slash ? (int)(slash + 1 - a->place) : 1,
           slash ? a->place : ".");
  a->directory = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  return a->directory >= 0 ? 0 : fails(a, "open its directory");
}

/* -- the file beside it ---------------------------------------------------- */

/* How many processes can write the same file at once. A name is free again once its writer has
 * ended, however it ended, so temporary files cannot pile up as they would under names that are
 * never used twice, such as process numbers. */
enum { NAMES = 32 };

static int set_temporary(fmp__aside *a, int i)
{
  const int n = snprintf(a->temporary, sizeof a->temporary, "%s.%d.part", a->place, i);
  if (n < (int)sizeof a->temporary) return 0;
  errno = ENAMETOOLONG;
  return -1;
}

/* Is the open file still the one under the temporary name, a regular file without another name, and
 * owned by us or by the owner of what it replaces? Anything else may be a trap: in a directory that
 * others can write to, somebody may have put a link there. */
static int is_ours(const fmp__aside *a, const struct stat *file)
{
  struct stat named;
  return S_ISREG(file->st_mode) && file->st_nlink == 1 &&
         (file->st_uid == geteuid() || (a->replaces && file->st_uid == a->owner)) &&
         lstat(a->temporary, &named) == 0 && named.st_ino == file->st_ino &&
         named.st_dev == file->st_dev;
}

/* A writer holds a lock on its file, and the kernel drops the lock when the process ends: a lock
 * that we can take means that nobody is writing. Where the file system has no locks, a file that
 * has not changed for a day counts as abandoned. */
static int is_abandoned(int file, const struct stat *about)
{
  const time_t day = 24 * 60 * 60;
  if (flock(file, LOCK_EX | LOCK_NB) == 0) return 1;
  return errno != EWOULDBLOCK && time(NULL) - about->st_mtime > day;
}

/* Removes what a writer that has ended left under this name. O_NOFOLLOW and O_NONBLOCK: the name
 * may be a link or a FIFO that somebody else has put there. */
static void remove_abandoned(const fmp__aside *a)
{
  struct stat about;
  const int file = open(a->temporary, O_WRONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) return;
  if (fstat(file, &about) == 0 && is_abandoned(file, &about) && is_ours(a, &about))
    unlink(a->temporary);
  close(file);
}

/* Between open() and flock() another writer can see the file unlocked, take it for abandoned and
 * remove it. is_ours() notices that the name is gone, and the caller tries the next one. */
static int create(fmp__aside *a, mode_t mode)
{
  struct stat about;
  const int file = open(a->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (file < 0) return -1;
  const int is_locked = flock(file, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK;
  if (is_locked && fstat(file, &about) == 0 && is_ours(a, &about)) {
    a->file = file;
    return 0;
  }
  close(file);
  errno = EEXIST;
  return -1;
}

/* A file that is to replace another one is readable by its owner alone until keep_mode(): the old
 * file may be private, and its mode can be set only once owner and group are right. */
static int open_temporary(fmp__aside *a, mode_t mode)
{
  errno = EEXIST;
  for (int i = 0; i < NAMES && a->file < 0 && errno == EEXIST; i++) {
    if (set_temporary(a, i) != 0) break;
    remove_abandoned(a);
    create(a, a->replaces ? 0600 : mode);
  }
  return a->file >= 0 ? 0 : fails(a, "make a temporary file beside it");
}

/* Looks at all other names too: those beyond the one in use are left over from a time when more
 * processes wrote at once, and nobody would come across them again. */
static void sweep(const fmp__aside *a)
{
  fmp__aside other = *a;
  for (int i = 0; i < NAMES; i++)
    if (set_temporary(&other, i) == 0 && strcmp(other.temporary, a->temporary) != 0)
      remove_abandoned(&other);
}

int fmp__aside_open(const char *path, mode_t mode, fmp__aside *a)
{
  memset(a, 0, sizeof *a);
  a->file = a->directory = -1;
  int status = find_place(path, a->place) == 0 ? 0 : fails(a, "find it");
  if (status == 0) status = open_directory(a);
  if (status == 0) status = look_at_place(a);
  if (status == 0) status = open_temporary(a, mode);
  if (status == 0)
    sweep(a);
  else
    fmp__aside_discard(a);
  return status;
}

/* -- writing --------------------------------------------------------------- */

int fmp__aside_write(fmp__aside *a, const void *bytes, size_t n)
{
  return fmp_file_write(a->file, bytes, n) == 0 ? 0 : fails(a, "write");
}

/* -- ending ---------------------------------------------------------------- */

void fmp__aside_discard(fmp__aside *a)
{
  if (a->file >= 0) {
    unlink(a->temporary); /* while we hold the lock: afterwards it may be another's */
    close(a->file);
  }
  if (a->directory >= 0) close(a->directory);
  a->file = a->directory = -1;
}

/* Owner first, then mode, since the right mode depends on whether the group could be kept. If not,
 * the file's group keeps only those permissions that everybody has. */
static int keep_mode(const fmp__aside *a)
{
  struct stat about;
  if (!a->replaces) return 0;
  if (fchown(a->file, a->owner, a->group) != 0 && fchown(a->file, (uid_t)-1, a->group) != 0)
    errno = 0; /* only root may give files away */
  if (fstat(a->file, &about) != 0) return -1;
  const mode_t shared = (mode_t)(a->mode & ((a->mode & 07) << 3));
  const mode_t mode =
      about.st_gid == a->group ? a->mode : (mode_t)((a->mode & ~(mode_t)070) | shared);
  return fchmod(a->file, mode);
}

/* The order is what makes it safe against a crash: the content is on the disk before the name
 * points to it, and the name is on the disk before we report success. Some file systems cannot sync
 * a directory; they answer EINVAL. */
static int move_there(fmp__aside *a)
{
  if (keep_mode(a) != 0 || fsync(a->file) != 0) return fails(a, "write");
  if (rename(a->temporary, a->place) != 0) return fails(a, "put the new file in its place");
  const int closed = close(a->file);
  a->file = -1; /* the temporary name is gone */
  if (closed != 0) return fails(a, "write");
  if (fsync(a->directory) != 0 && errno != EINVAL) return fails(a, "write the directory");
  return 0;
}

int fmp__aside_commit(fmp__aside *a)
{
  const int status = move_there(a);
  fmp__aside_discard(a);
  return status;
}
