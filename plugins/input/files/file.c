/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "file.h"

#include "fmp/kit/file.h"

fmp_status file_check_interrupt(const fmp_host *h, char *why)
{
  const fmp_status status = h->check_interrupt();
  return status == FMP_OK ? FMP_OK : fmp_source_fail(why, status, "interrupted");
}

/* -- reading --------------------------------------------------------------- */

fmp_status file_read(const struct file *f, int64_t offset, void *into, int64_t n, char *why)
{
  if (offset < 0 || n < 0 || offset > f->size || n > f->size - offset)
    return fmp_source_fail(why, FMP_EDATA, "%s: ends before byte %lld", f->name,
                           (long long)offset + (long long)n);
  if (f->bytes) {
    memcpy(into, f->bytes + offset, (size_t)n);
    return FMP_OK;
  }
  const ssize_t got = fmp_file_read(f->fd, into, (size_t)n, (off_t)offset);
  if (got < 0)
    return fmp_source_fail(why, FMP_EIO, "%s: cannot be read: %s", f->name, strerror(errno));
  if (got < (ssize_t)n)
    return fmp_source_fail(why, FMP_EDATA,
                           "%s: was cut while in use: expected %lld bytes at %lld, got %lld",
                           f->name, (long long)n, (long long)offset, (long long)got);
  return FMP_OK;
}

fmp_status file_head(const fmp_host *h, const struct file *f, void *into, int64_t n, char *why)
{
  struct file head = *f;
  if (!f->packed) return file_read(f, 0, into, n, why);
  head.bytes = NULL;
  fmp_status status = file_inflate(h, &head, n, 1, why);
  if (status == FMP_OK) status = file_read(&head, 0, into, n, why);
  h->free(head.bytes);
  return status;
}

/* -- opening and closing --------------------------------------------------- */

/* Gives up the descriptor: the content is in memory. */
fmp_status file_unpack(const fmp_host *h, struct file *f, int64_t most, char *why)
{
  if (!f->packed) return FMP_OK;
  const fmp_status status = file_inflate(h, f, most, 0, why);
  close(f->fd);
  f->fd = -1;
  f->packed = 0;
  if (status != FMP_OK) return status;
  return f->size > 0 ? FMP_OK : fmp_source_fail(why, FMP_EDATA, "%s: unpacks to nothing", f->name);
}

static int is_gzip(const struct file *f)
{
  unsigned char magic[2];
  return fmp_file_read(f->fd, magic, 2, 0) == 2 && magic[0] == 0x1f && magic[1] == 0x8b;
}

static fmp_status open_content(struct file *f, char *why)
{
  struct stat about;
  char text[256];
  f->fd = fmp_file_open(f->name, O_RDONLY, &about, text, sizeof text);
  if (f->fd < 0)
    return fmp_source_fail(why, errno == ENOENT ? FMP_ENOTFOUND : FMP_EIO, "%s: %s", f->name, text);
  if (about.st_size == 0) return fmp_source_fail(why, FMP_EDATA, "%s: is empty", f->name);
  if (is_gzip(f))
    f->packed = about.st_size;
  else
    f->size = about.st_size;
  return FMP_OK;
}

fmp_status file_open(const fmp_host *h, const char *name, struct file *f, char *why)
{
  const size_t bytes = strlen(name) + 1;
  *f = (struct file){.name = h->alloc(bytes), .fd = -1};
  if (f->name == NULL) return fmp_source_fail(why, FMP_ENOMEM, "no memory for the name of a file");
  memcpy(f->name, name, bytes);
  const fmp_status status = open_content(f, why);
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
