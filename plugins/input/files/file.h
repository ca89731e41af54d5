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
  int64_t size;         /* of the content; 0 while it is packed */
  int64_t packed;       /* bytes of a gzip file that is not unpacked yet; 0: there is none */
};

/* What a gzip file may unpack to: FILE_MOST_RATIO times its own size, or FILE_FREE_BYTES if that
 * is more. Images do not get that small; zeros do, a thousand times. */
enum { FILE_MOST_RATIO = 64, FILE_FREE_BYTES = 1 << 26 };

/* Opens; an empty file is refused, and what is no regular file. On failure *f needs no closing. */
fmp_status file_open(const fmp_host *h, const char *name, struct file *f, fmp_failure *why);
void file_close(const fmp_host *h, struct file *f);
/* Copies the first n bytes of the content; no more than that is unpacked. */
fmp_status file_head(const fmp_host *h, const struct file *f, void *into, int64_t n,
                     fmp_failure *why);
/* Unpacks a gzip file, which is to have at most `most` bytes; a plain one stays. To be called
 * before file_read() and before `size` is looked at. */
fmp_status file_unpack(const fmp_host *h, struct file *f, int64_t most, fmp_failure *why);
/* [any-thread] Copies bytes [offset, offset + n) of the content. */
fmp_status file_read(const struct file *f, int64_t offset, void *into, int64_t n, fmp_failure *why);

/* FMP_OK, or FMP_EINTERRUPTED if the user asked to stop. Not for workers. */
fmp_status file_check_interrupt(const fmp_host *h, fmp_failure *why);

/* Unpacks the gzip file that f->fd is into f->bytes and f->size: all members, checksums and
 * lengths verified, no more than `most` bytes in all; or, if `head`, only the first `most`. */
fmp_status file_inflate(const fmp_host *h, struct file *f, int64_t most, int head,
                        fmp_failure *why);

#endif
