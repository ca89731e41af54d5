/* SPDX-License-Identifier: Apache-2.0
 * A file that is written beside its place and moved there whole: whoever reads the path
 * sees the old file or the new one, also after a crash. */
#ifndef FMP_ASIDE_H
#define FMP_ASIDE_H

#include <stddef.h>

#include "fmp/plugin.h"

typedef struct fmp__aside {
  const char *path; /* borrowed */
  char *temporary;  /* its name until then, in the same directory */
  int file, directory;
} fmp__aside;

/* Failures are FMP_EIO without the path, and leave nothing open. */
fmp_status fmp__aside_open(const char *path, fmp__aside *aside);
fmp_status fmp__aside_write(fmp__aside *aside, const void *bytes, size_t n);
/* Ends it in any case: the file is in its place and on the disk, or the old one stays. */
fmp_status fmp__aside_commit(fmp__aside *aside);
void fmp__aside_discard(fmp__aside *aside);

/* FMP_EIO, "cannot <action>: <reason>" by errno. */
fmp_status fmp__fail_system(const char *action);

#endif
