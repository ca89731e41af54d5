/* SPDX-License-Identifier: Apache-2.0
 *
 * Files that users name, read by the engine: regular files only (kit/file.h says why). Failures are
 * FMP_EIO with a text that lacks the path, which the caller puts in front; a file that got shorter
 * while it was read is FMP_EDATA. */
#ifndef FMP_FILE_H
#define FMP_FILE_H

#include "fmp/plugin.h"

fmp_status fmp__file_open(const char *path, int *file, int64_t *size);
void fmp__file_close(int file); /* -1: nothing to do */
/* Reads all of bytes [offset, offset + n). Stops if the user interrupts. */
fmp_status fmp__file_read(int file, int64_t offset, void *bytes, int64_t n);

/* FMP_EIO, "cannot <action>: <reason>" by errno. */
fmp_status fmp__fail_system(const char *action);

#endif
