/* SPDX-License-Identifier: Apache-2.0
 * A file that is written beside its place and moved there whole: whoever reads the path
 * sees the old file or the new one, also after a crash. It knows nothing of the engine, since
 * fmprun's own part has it too. See docs/decisions/files-are-replaced-whole.md. */
#ifndef FMP_ASIDE_H
#define FMP_ASIDE_H

#include <stddef.h>
#include <sys/types.h>

enum { FMP__PATH = 4096 }; /* what the kernel takes, with the NUL */

typedef struct fmp__aside {
  char place[FMP__PATH];     /* where the file is to be: links are followed */
  char temporary[FMP__PATH]; /* its name until then, in the same directory */
  int file, directory;       /* -1: none */
  int replaces;              /* there is a file; the next three are its own */
  mode_t mode;
  uid_t owner;
  gid_t group;
  char why[256]; /* after a failure: "cannot write: No space left on device" */
} fmp__aside;

/* Each returns 0, or -1 and a->why says why not, without the path. `mode` is that of a new
 * file, less the umask; one that is replaced keeps mode, owner and group as far as it may. */
int fmp__aside_open(const char *path, mode_t mode, fmp__aside *a); /* on failure: nothing stays */
int fmp__aside_write(fmp__aside *a, const void *bytes, size_t n);
/* Ends it in any case: the file is in its place and on the disk, or the old one stays. */
int fmp__aside_commit(fmp__aside *a);
void fmp__aside_discard(fmp__aside *a);

#endif
