/* SPDX-License-Identifier: Apache-2.0
 * Data files, plain or gzip. A plain file stays on the disk and is read where it is wanted;
 * a gzip file, known by its first bytes, is unpacked into memory once. Nothing is mapped:
 * a file that is cut while it is used gives a failure, not a signal. */
#ifndef INPUT_FILE_H
#define INPUT_FILE_H

#include "failure.h"

struct file {
  char *name;           /* owned */
  int fd;               /* -1: the content is in memory */
  unsigned char *bytes; /* owned; NULL for a plain file */
  int64_t size;         /* of the content */
};

/* Opens; an empty file is refused. On failure *f needs no closing. */
fmp_status file_open(const fmp_host *h, const char *name, struct file *f, fmp_failure *why);
void file_close(const fmp_host *h, struct file *f);
/* [any-thread] Copies bytes [offset, offset + n) of the content. */
fmp_status file_read(const struct file *f, int64_t offset, void *into, int64_t n, fmp_failure *why);

/* Unpacks all members of the gzip file that f->fd is, `packed` bytes long, into f->bytes
 * and f->size; checksums and lengths are verified. */
fmp_status file_inflate(const fmp_host *h, struct file *f, int64_t packed, fmp_failure *why);

#endif
