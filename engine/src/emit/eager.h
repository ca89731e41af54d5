/* SPDX-License-Identifier: Apache-2.0
 * Running one op at once. Each thread keeps prepared ops in a small cache: the same op
 * with the same attributes and specs is inferred, chosen and prepared only once. */
#ifndef FMP_EAGER_H
#define FMP_EAGER_H

#include "kernel/kernel.h"
#include "device/tensor.h"

typedef struct fmp__eager {
  const fmp_op *op;
  const void *params;
  fmp_device *device;
  fmp_tensor *const *in; /* each has a value, or is NULL */
  const fmp_spec *in_specs;
  uint32_t n_in, n_out;
  uint32_t wanted; /* optional outputs from here on are not computed */
  uint64_t seed, step, random_key;
} fmp__eager;

/* out[0..n_out): new tensors, NULL for those not made. On failure all are NULL. */
fmp_status fmp__eager_run(const fmp__eager *e, fmp_tensor **out);
/* A contiguous copy, made by the op with the copy role, outside of any graph. */
fmp_status fmp__eager_contiguous(const fmp_tensor *t, fmp_tensor **copy);

#endif
