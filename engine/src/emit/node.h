/* SPDX-License-Identifier: Apache-2.0
 * One emission of an op: its inputs taken, the op run or its shapes inferred, and the node
 * remembered in the thread's graph. In that order, so that who emits can look at the inputs in
 * between and replace them: see emit.c. */
#ifndef FMP_NODE_H
#define FMP_NODE_H

#include <stddef.h>

#include "kernel/kernel.h"

/* Arrays are n_in or n_out long. */
typedef struct fmp__emission {
  const fmp_op *op;
  void *params;
  fmp_device *device;
  uint32_t n_in, n_out;
  fmp_tensor **in;  /* trailing optional inputs filled up with NULL */
  fmp_tensor **out; /* one reference each */
  fmp_spec *in_specs, *out_specs;
  uint32_t *values; /* of the inputs, in the graph */
  uint32_t wanted;  /* outputs that the caller asks for */
  uint64_t random_key;
  void *block;                           /* NULL: the arrays lie in `room` */
  _Alignas(max_align_t) char room[1024]; /* suffices for most ops */
} fmp__emission;

/* Takes over params. Whether it succeeds or not, end comes after. */
fmp_status fmp__emission_begin(fmp__emission *e, const fmp_op *op, void *params,
                               fmp_tensor *const *in, uint32_t n_in, uint32_t n_out);
/* Runs or traces. On failure the graph is as it was. */
fmp_status fmp__emission_run(fmp__emission *e);
/* Hands out[0..wanted) over if status is FMP_OK; else says where it failed. Returns status. */
fmp_status fmp__emission_end(fmp__emission *e, fmp_status status, fmp_tensor **out);

/* What inference and kernels are asked about it. */
fmp__work fmp__emission_work(const fmp__emission *e);
/* Puts "cifar_fmp/3: conv2d: " in front of the thread's text; returns status. */
fmp_status fmp__fail_where(const fmp_op *op, fmp_status status);

#endif
