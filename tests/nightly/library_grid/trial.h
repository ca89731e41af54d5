/* SPDX-License-Identifier: Apache-2.0
 *
 * trial.h: one call of a kernel on guarded memory, and what came of it.
 */
#ifndef FMP_NIGHTLY_TRIAL_H
#define FMP_NIGHTLY_TRIAL_H

#include "bare_host.h"
#include "supervise.h"

enum { TRIAL_INPUTS = 3, TRIAL_BYTES = 16 << 20 };

/* What a kernel is called on. */
struct trial {
  const char *name; /* of the case, for complaints */
  const void *params;
  fmp_spec in[TRIAL_INPUTS], out;
  const void *data[TRIAL_INPUTS]; /* NULL: absent, or only its spec is read */
  uint32_t n_in;
};

/* What report.counts holds. */
enum { COUNT_RUNS = 0, COUNT_REFUSED = 1, COUNT_REFERENCES = 2 };

/* How far results may be from the reference's: rounding of the output's type, and rounding
 * that adds up, as a part of the largest value. */
struct tolerance {
  double rounding, largest;
};

int64_t trial_bytes(const fmp_spec *s);
fmp_kernel_args trial_args(const struct trial *t, const fmp_kernel_def *kernel);

/* The output of the op's kernel "ref", in a buffer that the next call takes; NULL: a fault. */
const void *trial_reference(const struct bare_plugin *plugin, const char *op, const struct trial *t,
                            struct report *r);

/* Prepares and runs the kernel, where it takes the trial, for one thread, with the beginning of
 * each array beside a guard, and for two, with the end, up to the first fault. */
void trial_kernel(const fmp_kernel_def *kernel, const struct trial *t, const void *expected,
                  struct tolerance tolerance, struct report *r);

/* -- what a library's own arguments were guarded for (library_args.c) --------------------- */

/* The side of the guards around the arguments that follow. */
void library_args_begin(int side);
/* What was found since: "" if nothing. */
const char *library_args_fault(void);
/* " (jit:avx2)": what oneDNN has run since. */
const char *library_args_implementation(void);

#endif
