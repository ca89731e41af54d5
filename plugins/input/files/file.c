/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* -- reading --------------------------------------------------------------- */

/* As pread(), but the result is short only at the end of the file. */
static ssize_t read_at(int fd, void *into, size_t n, off_t offset)
{
  size_t done = 0;
  while (done < n) {
    const ssize_t got = pread(fd, (char *)into + done, n - done, offset + (off_t)done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return -1;
    if (got == 0) break;
    done += (size_t)got;
  }
  return (ssize_t)done;
}

fmp_status file_read(const struct file *f, int64_t offset, void *into, int64_t n, fmp_failure *why)
{
  if (offset < 0 || n < 0 || offset > f->size || n > f->size - offset)
    return failure_set(why, FMP_EDATA, "%s: ends before byte %lld", f->name,
                       (long long)offset + (long long)n);
  if (f->bytes) {
    memcpy(into, f->bytes + offset, (size_t)n);
    return FMP_OK;
  }
  const ssize_t got = read_at(f->fd, into, (size_t)n, (off_t)offset);
  if (got < 0) return failure_set(why, FMP_EIO, "%s: cannot be read: %s", f->name, strerror(errno));
  if (got < (ssize_t)n)
    return failure_set(why, FMP_EDATA,
                       "%s: was cut while in use: expected %lld bytes at %lld, got %lld", f->name,
                       (long long)n, (long long)offset, (long long)got);
  return FMP_OK;
}

/* -- opening and closing --------------------------------------------------- */

static fmp_status check_kind(struct file *f, fmp_failure *why)
{
  struct stat s;
  if (fstat(f->fd, &s) != 0)
    return failure_set(why, FMP_EIO, "%s: cannot be read: %s", f->name, strerror(errno));
  if (!S_ISREG(s.st_mode))
    return failure_set(why, FMP_EIO, "%s: expected a file, got a %s", f->name,
                       S_ISDIR(s.st_mode) ? "directory" : "device or pipe");
  if (s.st_size == 0) return failure_set(why, FMP_EDATA, "%s: is empty", f->name);
  f->size = s.st_size;
  return FMP_OK;
}

static int is_gzip(const struct file *f)
{
  unsigned char magic[2];
  return read_at(f->fd, magic, 2, 0) == 2 && magic[0] == 0x1f && magic[1] == 0x8b;
}

/* Gives up the descriptor: the content is in memory. */
static fmp_status unpack(const fmp_host *h, struct file *f, fmp_failure *why)
{
  const fmp_status status = file_inflate(h, f, f->size, why);
  close(f->fd);
  f->fd = -1;
  if (status != FMP_OK) return status;
  return f->size > 0 ? FMP_OK : failure_set(why, FMP_EDATA, "%s: unpacks to nothing", f->name);
}

static fmp_status open_content(const fmp_host *h, struct file *f, fmp_failure *why)
{
  /* Not blocking: a pipe without a writer must not stop us before it is refused. */
  f->fd = open(f->name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (f->fd < 0)
    return failure_set(why, errno == ENOENT ? FMP_ENOTFOUND : FMP_EIO, "%s: cannot be opened: %s",
                       f->name, strerror(errno));
  const fmp_status status = check_kind(f, why);
  if (status != FMP_OK || !is_gzip(f)) return status;
  return unpack(h, f, why);
}

fmp_status file_open(const fmp_host *h, const char *name, struct file *f, fmp_failure *why)
{
  const size_t bytes = strlen(name) + 1;
  *f = (struct file){.name = h->alloc(bytes), .fd = -1};
  if (f->name == NULL) return failure_set(why, FMP_ENOMEM, "no memory for the name of a file");
  memcpy(f->name, name, bytes);
  const fmp_status status = open_content(h, f, why);
  if (status != FMP_OK) file_close(h, f);
  return status;
}

void file_close(const fmp_host *h, struct file *f)
{
  if (f->fd >= 0) close(f->fd);
  h->free(f->bytes);
  h->free(f->name);
  *f = (struct file){.fd = -1};
}
