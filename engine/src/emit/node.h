/* SPDX-License-Identifier: Apache-2.0
 *
 * One emission of an op, in three steps: begin takes the inputs, run runs the op or infers its
 * shapes and remembers the node in the thread's graph, end hands the outputs over and frees the
 * rest. The caller may look at the inputs after begin, and replace them: see emit.c. */
#ifndef FMP_NODE_H
#define FMP_NODE_H

#include <stddef.h>

#include "kernel/kernel.h"

/* Arrays are n_in or n_out long, n_in being the number of inputs of this call with those that were
 * left out at the end. Inputs are borrowed: from the caller of fmp_emit, or, if they are casts,
 * from the graph, which holds the handles of all its values while it is built. Once begin has
 * succeeded every input has the op's marks satisfied, lies on `device`, and has its spec in
 * in_specs. */
typedef struct fmp__emission {
  const fmp_op *op;
  void *params;
  fmp_device *device;
  fmp_graph *graph;           /* the thread's; NULL: nothing is recorded or traced */
  uint32_t n_nodes, n_values; /* of that graph, before the op */
  uint32_t n_in, n_out;
  fmp_tensor **in;  /* NULL: absent */
  fmp_tensor **out; /* one reference each; NULL: not made */
  fmp_spec *in_specs, *out_specs;
  uint32_t *values; /* of the inputs in the graph, if there is one */
  uint32_t wanted;  /* how many outputs the caller asks for */
  uint64_t random_key;
  void *block;                           /* NULL: the arrays lie in `room` */
  _Alignas(max_align_t) char room[1024]; /* enough for ten inputs and outputs */
} fmp__emission;

/* Takes over params. Whether it succeeds or not, fmp__emission_end must follow. */
fmp_status fmp__emission_begin(fmp__emission *e, const fmp_op *op, void *params,
                               fmp_tensor *const *in, uint32_t n_in, uint32_t n_out);
/* Runs or traces the op. */
fmp_status fmp__emission_run(fmp__emission *e);
/* Hands out[0..wanted) over if status is FMP_OK. Otherwise it leaves the graph as it was at begin,
 * and puts in front of the text where it failed. Returns status. */
fmp_status fmp__emission_end(fmp__emission *e, fmp_status status, fmp_tensor **out);

/* What inference and choice are asked about it; it points into e. */
fmp__work fmp__emission_work(const fmp__emission *e);
/* Puts "cifar_fmp/3: conv2d: " in front of the thread's text; returns status. */
fmp_status fmp__fail_where(const fmp_op *op, fmp_status status);

#endif
