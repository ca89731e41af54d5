/* SPDX-License-Identifier: Apache-2.0
 *
 * kit/file.h: opening, reading and writing the files that users name. A FIFO waits for its other
 * end, a device has no end or does something when it is opened, a directory holds no bytes: only
 * regular files are opened, and all others are refused by what they are ("expected a regular file,
 * got a FIFO"). Symbolic links are followed.
 *
 * What a reader promises beside that is its own business: bounds on memory, checks of the content,
 * and a look at host->check_interrupt() now and then (docs/decisions/limits-of-files.md).
 *
 * Failures leave their reason in errno, and where a function takes `why`, a text without the path,
 * which the caller puts in front. No state; for any thread.
 *
 *   struct stat about;
 *   char why[256];
 *   const int file = fmp_file_open(path, O_RDONLY, &about, why, sizeof why);
 *   if (file < 0) return h->fail(FMP_EIO, "%s: %s", path, why);
 *   const ssize_t n = fmp_file_read(file, bytes, wanted, offset);
 *   if (n < 0) ... errno says why; n < wanted: the file ends there
 *
 * Includes POSIX headers: include it first, or define _POSIX_C_SOURCE as 200809L before any other
 * header. */
#ifndef FMP_KIT_FILE_H
#define FMP_KIT_FILE_H

#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* -- opening --------------------------------------------------------------- */

/* What st_mode says it is, with its article, for "expected a regular file, got %s". */
static inline const char *fmp_file_kind(mode_t mode)
{
  if (S_ISREG(mode)) return "a regular file";
  if (S_ISDIR(mode)) return "a directory";
  if (S_ISFIFO(mode)) return "a FIFO";
  if (S_ISSOCK(mode)) return "a socket";
  return S_ISCHR(mode) || S_ISBLK(mode) ? "a device" : "something else";
}

/* Looks first, since some files must not even be opened, and once more when it is open: the file
 * may have been exchanged in between. O_NONBLOCK keeps a FIFO that was put there from holding us up
 * (regular files ignore it), O_NOCTTY a terminal from becoming ours. Returns the descriptor, or -1
 * and errno, which is 0 if it is no regular file; *about is the file's in both cases. With O_CREAT
 * the file need not exist. */
static inline int fmp_file_open_regular(const char *path, int flags, struct stat *about)
{
  about->st_mode = S_IFREG;
  if (stat(path, about) != 0 && (errno != ENOENT || !(flags & O_CREAT))) return -1;
  if (!S_ISREG(about->st_mode)) return errno = 0, -1;
  const int file = open(path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600);
  if (file < 0) return -1;
  const int known = fstat(file, about) == 0;
  if (known && S_ISREG(about->st_mode)) return file;
  const int why = known ? 0 : errno;
  close(file);
  errno = why;
  return -1;
}

/* Opens a regular file by the flags of open(): O_RDONLY, or O_WRONLY or O_RDWR with O_CREAT,
 * O_APPEND or O_TRUNC; O_CLOEXEC is always among them. A file that O_CREAT makes is the user's
 * alone (0600). Returns the descriptor, which the caller closes, and fills *about; or -1, with a
 * text in why[0..room) and the reason in errno: 0 if it is no regular file.
 *
 * A file that somebody may be reading is better not opened for writing at all, but written under
 * another name and renamed (docs/decisions/files-are-replaced-whole.md). */
static inline int fmp_file_open(const char *path, int flags, struct stat *about, char *why,
                                size_t room)
{
  const int file = fmp_file_open_regular(path, flags, about);
  const int reason = errno;
  if (file >= 0) return file;
  if (reason == 0)
    snprintf(why, room, "expected a regular file, got %s", fmp_file_kind(about->st_mode));
  else
    snprintf(why, room, "cannot be opened: %s", strerror(reason));
  errno = reason;
  return -1;
}

/* -- reading and writing --------------------------------------------------- */

/* As pread(): n bytes from `offset` on into `bytes`, without moving the file's position, so that
 * threads may share a descriptor. Returns fewer than n only at the end of the file, never because
 * of a signal; -1 and errno on failure. */
static inline ssize_t fmp_file_read(int file, void *bytes, size_t n, off_t offset)
{
  size_t done = 0;
  while (done < n) {
    const ssize_t got = pread(file, (char *)bytes + done, n - done, offset + (off_t)done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return -1;
    if (got == 0) break;
    done += (size_t)got;
  }
  return (ssize_t)done;
}

/* As write(), but all n bytes, at the file's position (or its end, if it was opened with O_APPEND).
 * Returns 0; or -1 and errno, with any number of the bytes written. A write of 0 bytes counts as
 * EIO, or this would not end. */
static inline int fmp_file_write(int file, const void *bytes, size_t n)
{
  for (const char *at = (const char *)bytes; n > 0;) {
    const ssize_t written = write(file, at, n);
    if (written < 0 && errno == EINTR) continue;
    if (written == 0) errno = EIO;
    if (written <= 0) return -1;
    at += written;
    n -= (size_t)written;
  }
  return 0;
}

#endif
