/* SPDX-License-Identifier: Apache-2.0
 *
 * A file that is written under another name beside its place and then moved there whole: whoever
 * opens the path sees the old file or the new one, never half of either, also after a crash.
 *
 * Nothing here knows the engine (no status, no fmp memory), because fmprun's history uses it too.
 * One fmp__aside belongs to one thread. The life of one: open, any number of writes, then exactly
 * one of commit and discard. docs/decisions/files-are-replaced-whole.md has the reasons. */
#ifndef FMP_ASIDE_H
#define FMP_ASIDE_H

#include <stddef.h>
#include <sys/types.h>

enum { FMP__PATH = 4096 }; /* what the kernel takes, with the NUL */

typedef struct fmp__aside {
  char place[FMP__PATH];     /* where the file will be, symbolic links followed */
  char temporary[FMP__PATH]; /* its name until then, in the same directory */
  int file, directory;       /* -1: none */
  int replaces;              /* a file is there already; the next three are that file's */
  mode_t mode;
  uid_t owner;
  gid_t group;
  char why[256]; /* after a failure: "cannot write: No space left on device" */
} fmp__aside;

/* Each returns 0, or -1 and a->why says why, without the path. `mode` is for a new file, less the
 * umask; a file that is replaced keeps its mode, owner and group as far as the process may set
 * them. */
int fmp__aside_open(const char *path, mode_t mode, fmp__aside *a); /* failed: nothing is left */
int fmp__aside_write(fmp__aside *a, const void *bytes, size_t n);
/* Ends it in any case. 0: the new file is in its place and on the disk. -1: the old file is
 * untouched and the temporary one is gone; or, if only closing or syncing the directory failed, the
 * new one is in its place, but a crash may still undo that. */
int fmp__aside_commit(fmp__aside *a);
void fmp__aside_discard(fmp__aside *a);

#endif
