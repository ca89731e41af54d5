/* SPDX-License-Identifier: Apache-2.0
 *
 * Kernels: which of them take a piece of work, made ready, and called. Everything that calls an
 * op's or a kernel's functions does so by way of this file, whether it runs eagerly, in a plan or
 * to be measured, so that their arguments are filled alike everywhere. */
#ifndef FMP_KERNEL_H
#define FMP_KERNEL_H

#include "base/text.h"
#include "define/registry.h"
#include "device/device.h"

/* One op with its attributes, specs and device: what is inferred, chosen and prepared for. All of
 * it is borrowed for the length of a call.
 *
 * Kernels may divide their work by the number of threads when they are prepared, so they are
 * prepared on the stream that they will run on, or one like it
 * (docs/decisions/kernels-know-their-threads.md). Inference needs neither: stream and threads may
 * be 0 for it. */
typedef struct fmp__work {
  const fmp_op *op;
  const void *params;
  fmp_device *device;
  const fmp_spec *in;
  fmp_spec *out;
  uint32_t n_in, n_out;
  void *stream;
  int32_t threads;   /* of that stream, as it is when the kernel runs */
  const char *where; /* for a run: as fmp_call.where; NULL: the op's name */
} fmp__work;

/* Scope and op, as a text that stays. Where work is done at once it is the op alone: whoever called
 * knows the scope. */
const char *fmp__where(const fmp_device *device, const char *scope, const fmp_op *op);

/* A kernel made ready, or, for an op that is an alias, nothing (kernel NULL). The state was made by
 * prepare() and is released exactly once, by fmp__prepared_release. In between it is const: several
 * instances of a plan run with it at the same time. */
typedef struct fmp__prepared {
  const fmp__kernel *kernel;
  void *state;
  size_t scratch_bytes;
} fmp__prepared;

/* Starts as all zero; the kernels are the registry's. */
typedef struct fmp__candidates {
  const fmp__kernel **items;
  uint32_t n, room;
} fmp__candidates;

/* A call as the engine makes it. The kernel gets the first member; host->parallel_for() finds the
 * device behind it. */
typedef struct fmp__call {
  fmp_call call; /* first: the kernel sees only this */
  fmp_device *device;
} fmp__call;

/* Fills work->out by the op's infer, and refuses specs that no tensor could have. */
fmp_status fmp__infer(const fmp__work *work);
/* Lays out an alias op's output over *in. FMP_EUNSUPPORTED: not over these strides; copy first. */
fmp_status fmp__alias(const fmp__work *work, const fmp_view *in, fmp_view *out);
/* The kernel that wishes and priorities choose, for outputs that have been inferred; *best is NULL
 * if none takes the work. Enters the stream and leaves it, since supports() may look at the
 * libraries that it sets up. */
fmp_status fmp__kernel_best(const fmp__work *work, const fmp__kernel **best);
/* Prepares this kernel, which has agreed to the work. Enters the stream and leaves it. */
fmp_status fmp__prepare_kernel(const fmp__work *work, const fmp__kernel *kernel,
                               fmp__prepared *prepared);
/* A call of the prepared kernel. Its views, scratch memory and draws are for the caller to set; it
 * points into work and prepared. */
fmp__call fmp__call_of(const fmp__work *work, const fmp__prepared *prepared);
/* Enqueues the call, on a stream that has been entered. */
fmp_status fmp__run(const fmp__prepared *prepared, const fmp__call *call);
void fmp__prepared_release(fmp__prepared *prepared);

/* Appends the kernels that take the work and are more than a reference or a wildcard, in order of
 * registration. Enters the stream and leaves it. The caller frees all->items, also on failure. */
fmp_status fmp__kernel_candidates(const fmp__work *work, fmp__candidates *all);

/* Appends "f32 [2,3], i32 [4]". */
void fmp__specs_text(const fmp_spec *specs, uint32_t n, fmp__text *text);

/* Can it run on inputs as they are? Otherwise strided ones are copied first. */
int fmp__kernel_takes_strides(const fmp__prepared *prepared);

#endif
