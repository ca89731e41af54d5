/* SPDX-License-Identifier: Apache-2.0 */
#define _DEFAULT_SOURCE /* flock */

#include "history.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int write_all(int file, const char *bytes, size_t n)
{
  while (n > 0) {
    const ssize_t written = write(file, bytes, n);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return -1;
    bytes += written;
    n -= (size_t)written;
  }
  return 0;
}

static int same_file(int file, const char *path)
{
  struct stat opened, named;
  return fstat(file, &opened) == 0 && stat(path, &named) == 0 && opened.st_ino == named.st_ino &&
         opened.st_dev == named.st_dev;
}

/* Whoever waits for the lock while another puts a shorter file in its place has locked the
 * one that was, and tries again. */
static int open_locked(const char *path)
{
  enum { ATTEMPTS = 100 };
  for (int i = 0; i < ATTEMPTS; i++) {
    const int file = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0) return -1;
    while (flock(file, LOCK_EX) != 0 && errno == EINTR) continue;
    if (same_file(file, path)) return file;
    close(file);
  }
  errno = EBUSY;
  return -1;
}

/* Where the newer half begins, at the beginning of a line. */
static const char *newer_half(const char *bytes, size_t n)
{
  const char *newline = memchr(bytes + n / 2, '\n', n - n / 2);
  return newline ? newline + 1 : bytes;
}

/* Written aside, synced and renamed: a crash leaves the old file or the new one. */
static int put_in_place(const char *path, const char *bytes, size_t n)
{
  char aside[PATH_MAX];
  if (snprintf(aside, sizeof aside, "%s.%ld.part", path, (long)getpid()) >= (int)sizeof aside)
    return -1;
  const int file = open(aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) return -1;
  int failed = write_all(file, bytes, n) != 0 || fsync(file) != 0;
  failed |= close(file) != 0;
  if (!failed && rename(aside, path) == 0) return 0;
  unlink(aside);
  return -1;
}

/* A file that cannot be shortened stays long: nothing is lost. */
static void drop_older(const char *path, int file, size_t n)
{
  char *bytes = malloc(n);
  if (bytes && pread(file, bytes, n, 0) == (ssize_t)n) {
    const char *from = newer_half(bytes, n);
    (void)put_in_place(path, from, (size_t)(bytes + n - from));
  }
  free(bytes);
}

/* Half a line would spoil the next: it is taken back. */
static int append(int file, off_t size, const char *line, size_t n)
{
  if (write_all(file, line, n) == 0 && fdatasync(file) == 0) return 0;
  const int why = errno;
  if (ftruncate(file, size) != 0) return errno;
  return why;
}

int history_append(const char *path, const char *line, size_t n, size_t limit)
{
  struct stat about;
  const int file = open_locked(path);
  if (file < 0) return errno;
  int why = fstat(file, &about) == 0 ? 0 : errno;
  if (why == 0) why = append(file, about.st_size, line, n);
  const size_t size = (size_t)about.st_size + n;
  if (why == 0 && size > limit) drop_older(path, file, size);
  close(file);
  return why;
}
