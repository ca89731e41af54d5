/* SPDX-License-Identifier: Apache-2.0
 *
 * supervise.h: runs numbered cases in processes of their own, so that one that crashes or hangs
 * is counted and the rest go on.
 */
#ifndef FMP_NIGHTLY_SUPERVISE_H
#define FMP_NIGHTLY_SUPERVISE_H

#include <stdint.h>

enum { SUPERVISE_COUNTS = 8, SUPERVISE_TEXT = 384 };

/* Shared with the process that runs the cases. */
struct report {
  int64_t counts[SUPERVISE_COUNTS]; /* the caller's own */
  int64_t faults;
  int64_t done;               /* cases begun by this process */
  char doing[SUPERVISE_TEXT]; /* what a crash is put down to */
};

struct supervised {
  int64_t count; /* cases [0, count), shared out in turn */
  int jobs;
  int seconds; /* a case may take: then it hangs */
  void (*run)(int64_t i, struct report *r, const void *arg);
  const void *arg;
};

/* One line on stdout, and counted. */
#define FAULT(r, ...)    \
  do {                   \
    printf(__VA_ARGS__); \
    (r)->faults++;       \
  } while (0)

/* Adds everything up in *total. */
void supervise(const struct supervised *s, struct report *total);

#endif
