/* SPDX-License-Identifier: Apache-2.0
 *
 * Running one op at once. Each thread keeps prepared ops in a cache: the same op with the same
 * attributes and specs on the same number of threads is inferred, chosen and prepared only once. So
 * an eager op is a plan of one node that is found by a hash. */
#ifndef FMP_EAGER_H
#define FMP_EAGER_H

#include "device/tensor.h"
#include "kernel/kernel.h"

/* One call. All of it is borrowed, and nothing of it is kept: the cache copies what it needs. */
typedef struct fmp__eager {
  const fmp_op *op;
  const void *params;
  fmp_device *device;
  fmp_tensor *const *in; /* each has a value, or is NULL */
  const fmp_spec *in_specs;
  uint32_t n_in, n_out;
  uint32_t wanted; /* optional outputs from this one on are not computed */
  uint64_t seed, step, random_key;
} fmp__eager;

/* out[0..n_out): new tensors, NULL for those that are not made. On failure all are NULL. */
fmp_status fmp__eager_run(const fmp__eager *e, fmp_tensor **out);
/* A contiguous copy, by the op with the copy role, outside of any graph: nobody asked for a
 * node. */
fmp_status fmp__eager_contiguous(const fmp_tensor *t, fmp_tensor **copy);

#endif
