/* SPDX-License-Identifier: Apache-2.0
 * Tensors: a spec and strides over reference-counted storage. */
#ifndef FMP_TENSOR_H
#define FMP_TENSOR_H

#include <stdatomic.h>

#include "device/device.h"
#include "fmp/api.h"

/* Memory of one device. Several tensors may be views of it. */
typedef struct fmp__storage {
  atomic_int_fast32_t references;
  fmp_device *device;
  void *memory;
  int64_t bytes;
  int64_t room; /* bytes of memory: more than `bytes` where small ones are kept for reuse */
  struct fmp__storage *next; /* among a thread's spares */
} fmp__storage;

/* Invariants: storage != NULL: has a value now. storage == NULL and graph != NULL: traced,
 * no value yet, unless `emptied`: a graph still knows it, but nobody may use its value. Both
 * NULL: emptied. `graph` is not counted: a graph lets go of its tensors before it ends. */
struct fmp_tensor {
  atomic_int_fast32_t references;
  fmp__storage *storage;
  fmp_device *device;
  char *name;
  fmp_tensor *next; /* among a thread's spares */
  fmp_graph *graph;
  uint32_t value; /* which value of graph */
  int32_t is_parameter;
  int32_t emptied;
  int64_t offset; /* bytes into the storage */
  fmp_spec spec;
  int64_t strides[FMP_MAX_RANK];
};

fmp_status fmp__storage_new(fmp_device *device, int64_t bytes, fmp__storage **storage);
fmp__storage *fmp__storage_retain(fmp__storage *storage);
void fmp__storage_release(fmp__storage *storage); /* NULL allowed */

/* Without storage: for traces, and for views that set it. */
fmp_status fmp__tensor_bare(fmp_device *device, const fmp_spec *spec, fmp_tensor **t);
/* Has neither a value nor one to come: it was emptied. */
int fmp__tensor_is_empty(const fmp_tensor *t);
/* Has a value now, or FMP_ESTATE saying why not. */
fmp_status fmp__tensor_require(const fmp_tensor *t);
int fmp__tensor_is_contiguous(const fmp_tensor *t);
/* What a kernel sees; data NULL without storage. */
void fmp__tensor_view(const fmp_tensor *t, fmp_view *view);
/* A tensor over the memory of `base`, as an alias op laid it out. Refuses a view that
 * leaves the storage. */
fmp_status fmp__tensor_alias(const fmp_tensor *base, const fmp_spec *spec, const fmp_view *view,
                             fmp_tensor **t);

#endif
