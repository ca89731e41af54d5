/* SPDX-License-Identifier: Apache-2.0
 *
 * Tensors: a spec and strides over reference-counted storage. This floor makes, shares and ends
 * them; moving elements in and out is emit/transfer.c, since a strided tensor is read by way of an
 * op. */
#ifndef FMP_TENSOR_H
#define FMP_TENSOR_H

#include <stdatomic.h>

#include "device/device.h"
#include "fmp/api.h"

/* Memory of one device, which several tensors may be views of. It has a memory of `room` bytes from
 * when it is made until its last reference goes. Threads may share it: the count is atomic, the
 * content is the callers' business. */
typedef struct fmp__storage {
  atomic_int_fast32_t references;
  fmp_device *device;
  void *memory;
  int64_t bytes;
  int64_t room; /* bytes of memory; more than `bytes` for small ones, which are reused */
  uint64_t id;  /* from 1; never another storage's, as addresses are (graph.c relies on it) */
  struct fmp__storage *next; /* among a thread's spares, and only there */
} fmp__storage;

/* What a tensor is follows from three fields:
 *
 *   storage   graph    emptied
 *   set       any      0        has a value now; recorded, if there is a graph
 *   NULL      set      0        traced: it will have a value when its plan runs
 *   NULL      set      1        emptied, but a graph still knows its spec
 *   NULL      NULL     any      emptied for good
 *
 * The view that offset, spec and strides describe lies inside the storage (fmp__check_view).
 * `graph` is not counted: a graph lets go of its tensors (fmp__graph_detach) before it ends, so the
 * pointer never dangles. spec is checked and tidy, and never changes; a handle is used by one
 * thread at a time, only its count may be changed by several. */
struct fmp_tensor {
  atomic_int_fast32_t references;
  fmp__storage *storage;
  fmp_device *device;
  char *name;
  fmp_tensor *next; /* among a thread's spares, and only there */
  fmp_graph *graph;
  uint32_t value; /* which value of graph, if there is one */
  int32_t is_parameter;
  int32_t emptied;
  int64_t offset; /* bytes into the storage */
  fmp_spec spec;
  int64_t strides[FMP_MAX_RANK];
};

fmp_status fmp__storage_new(fmp_device *device, int64_t bytes, fmp__storage **storage);
fmp__storage *fmp__storage_retain(fmp__storage *storage);
void fmp__storage_release(fmp__storage *storage); /* NULL allowed */

/* A tensor without storage: for traces, and for views, which set it then. spec is a checked one. */
fmp_status fmp__tensor_bare(fmp_device *device, const fmp_spec *spec, fmp_tensor **t);
/* Has neither a value now nor one to come. */
int fmp__tensor_is_empty(const fmp_tensor *t);
/* FMP_OK if it has a value now, or FMP_ESTATE saying why not. */
fmp_status fmp__tensor_require(const fmp_tensor *t);
/* The same, and it must have one element. */
fmp_status fmp__tensor_require_one(const fmp_tensor *t);
/* Releases each, NULL or not, and leaves NULL in its place. */
void fmp__tensors_release(fmp_tensor **tensors, uint32_t n);
int fmp__tensor_is_contiguous(const fmp_tensor *t);
/* What a kernel sees of it; data is NULL without storage. */
void fmp__tensor_view(const fmp_tensor *t, fmp_view *view);
/* A tensor over the memory of `base`, which has a value, laid out as an alias op has said. Refuses
 * a view that leaves the storage. */
fmp_status fmp__tensor_alias(const fmp_tensor *base, const fmp_spec *spec, const fmp_view *view,
                             fmp_tensor **t);

#endif
