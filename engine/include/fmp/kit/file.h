/* SPDX-License-Identifier: Apache-2.0
 * Opening the files that users name. A FIFO waits for its other end, a device has no end or
 * does something when it is opened, a directory holds no bytes: only regular files are opened,
 * all others are refused by what they are.
 *
 * Includes POSIX headers: it wants to be the first, or _POSIX_C_SOURCE 200809L defined before. */
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

/* "a directory", as in: expected a regular file, got a directory. */
static inline const char *fmp_file_kind(mode_t mode)
{
  if (S_ISREG(mode)) return "a regular file";
  if (S_ISDIR(mode)) return "a directory";
  if (S_ISFIFO(mode)) return "a FIFO";
  if (S_ISSOCK(mode)) return "a socket";
  return S_ISCHR(mode) || S_ISBLK(mode) ? "a device" : "something else";
}

/* What must not even be opened is seen before; what has taken its place since, afterwards, and
 * O_NONBLOCK keeps that from holding us up. errno 0: it is no regular file. */
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

/* Opens a regular file by the flags of open(); one that O_CREAT makes is the user's alone
 * (0600). Returns the descriptor and fills *about; or -1, and why[0..room) has a text without the
 * path, errno the reason: 0 if it is no regular file. */
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

/* As pread(), but short only where the file ends; signals do not matter. */
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

/* As write(), but all of it: 0, or -1 and errno. */
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
