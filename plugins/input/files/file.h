/* SPDX-License-Identifier: Apache-2.0
 * Data files, plain or gzip. A plain file stays on the disk and is read where it is wanted;
 * a gzip file, known by its first bytes, is unpacked into memory once. Nothing is mapped:
 * a file that is cut while it is used gives a failure, not a signal. */
#ifndef INPUT_FILE_H
#define INPUT_FILE_H

#include "fmp/kit/source.h"

struct file {
  char *name;           /* owned */
  int fd;               /* -1: the content is in memory */
  unsigned char *bytes; /* owned; NULL for a plain file */
  int64_t size;         /* of the content; 0 while it is packed */
  int64_t packed;       /* bytes of a gzip file that is not unpacked yet; 0: there is none */
};

/* What a gzip file may unpack to: FILE_MOST_RATIO times its own size, or FILE_FREE_BYTES if that
 * is more. Images do not compress that well; zeros do, a thousand to one. */
enum { FILE_MOST_RATIO = 64, FILE_FREE_BYTES = 1 << 26 };

/* Opens a file, which must be regular and not empty. On failure *f needs no closing. */
fmp_status file_open(const fmp_host *h, const char *name, struct file *f, char *why);
void file_close(const fmp_host *h, struct file *f);
/* Copies the first n bytes of the content; no more than that is unpacked. */
fmp_status file_head(const fmp_host *h, const struct file *f, void *into, int64_t n, char *why);
/* Unpacks a gzip file, into at most `most` bytes; a plain one stays as it is. To be called
 * before file_read() and before `size` is looked at. */
fmp_status file_unpack(const fmp_host *h, struct file *f, int64_t most, char *why);
/* [any-thread] Copies bytes [offset, offset + n) of the content. */
fmp_status file_read(const struct file *f, int64_t offset, void *into, int64_t n, char *why);

/* FMP_OK, or FMP_EINTERRUPTED if the user asked to stop. Not for workers. */
fmp_status file_check_interrupt(const fmp_host *h, char *why);

/* Unpacks the gzip file that f->fd is into f->bytes and f->size: all members, checksums and
 * lengths verified, no more than `most` bytes in all; or, if `head`, only the first `most`. */
fmp_status file_inflate(const fmp_host *h, struct file *f, int64_t most, int head, char *why);

#endif
