/* SPDX-License-Identifier: Apache-2.0
 * Kernels: which of them take a piece of work, made ready, and called. */
#ifndef FMP_KERNEL_H
#define FMP_KERNEL_H

#include "device/device.h"
#include "define/registry.h"
#include "base/text.h"

/* One op with its attributes, specs and device: what is inferred and prepared for. Kernels may
 * prepare for a number of threads, so that they are made ready on the stream that they will run
 * on, or one like it; inference needs none. */
typedef struct fmp__work {
  const fmp_op *op;
  const void *params;
  fmp_device *device;
  const fmp_spec *in;
  fmp_spec *out;
  uint32_t n_in, n_out;
  void *stream;
  int32_t threads; /* of that stream */
} fmp__work;

/* A kernel made ready. An op that is an alias has none: kernel NULL. */
typedef struct fmp__prepared {
  const fmp__kernel *kernel;
  void *state;
  size_t scratch_bytes;
} fmp__prepared;

/* A call as the engine makes it; host functions find the device behind the call. */
typedef struct fmp__call {
  fmp_call call; /* first: the kernel sees only this */
  fmp_device *device;
} fmp__call;

/* Fills work->out through the op, and refuses specs that no tensor could have. */
fmp_status fmp__infer(const fmp__work *work);
/* Lays out an alias op's output over *in; FMP_EUNSUPPORTED: copy the input first. */
fmp_status fmp__alias(const fmp__work *work, const fmp_view *in, fmp_view *out);
/* The kernel to choose, for inferred outputs; NULL: none takes it. */
const fmp__kernel *fmp__kernel_best(const fmp__work *work);
/* Prepares this kernel, which agreed. */
fmp_status fmp__prepare_kernel(const fmp__work *work, const fmp__kernel *kernel,
                               fmp__prepared *prepared);
/* Enqueues a call of the prepared kernel. */
fmp_status fmp__run(const fmp__prepared *prepared, const fmp__call *call);
void fmp__prepared_release(fmp__prepared *prepared);

/* Does a kernel take the work, and is it more than a reference or a wildcard? */
int fmp__kernel_may_be_tuned(const fmp__kernel *kernel, const fmp__work *work);
int fmp__kernel_is_forced(void);

/* Changes when fmp_kernel_force or fmp_autotune does: prepared choices of before are stale. */
uint64_t fmp__kernel_epoch(void);
void fmp__kernel_choices_changed(void);

/* Appends "f32 [2,3], i32 [4]". */
void fmp__specs_text(const fmp_spec *specs, uint32_t n, fmp__text *text);

int fmp__kernel_takes_strides(const fmp__prepared *prepared);

#endif
