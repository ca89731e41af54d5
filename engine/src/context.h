/* SPDX-License-Identifier: Apache-2.0
 * What belongs to one thread: what it does with ops (runs, records, traces), its scope
 * path, its generator, its streams, its cache of prepared ops. Freed when the thread
 * ends, or with the process. */
#ifndef FMP_CONTEXT_H
#define FMP_CONTEXT_H

#include "device.h"
#include "fmp/api.h"
#include "rng.h"
#include "text.h"

enum {
  FMP__SCOPE_PATH = 512,
  FMP__SCOPE_DEPTH = 64,
  FMP__OUTSIDE_DEPTH = 16,
  FMP__CONTEXT_TEXTS = 4
};

/* The thread's stream on one device, with scratch memory that only grows. */
typedef struct fmp__thread_stream {
  fmp_device *device;
  void *stream;
  void *scratch;
  int64_t scratch_bytes;
  uint64_t *step; /* in the device's memory: what fmp_rng.step points to */
} fmp__thread_stream;

typedef struct fmp__cache fmp__cache; /* see eager.c */

/* Bytes of a resource that is saved, grown as they come. */
struct fmp_sink {
  unsigned char *bytes;
  size_t n, room;
};

typedef struct fmp__context {
  fmp_graph *graph;                       /* being recorded or traced; NULL: ops are run */
  int32_t record_depth;                   /* nested fmp_record_begin */
  fmp_graph *outside[FMP__OUTSIDE_DEPTH]; /* graphs set aside, and their depths */
  int32_t outside_record_depth[FMP__OUTSIDE_DEPTH];
  int32_t outside_depth;

  char scope[FMP__SCOPE_PATH];
  size_t scope_ends[FMP__SCOPE_DEPTH]; /* length of the path before each push */
  int32_t scope_depth;

  fmp_device *default_device;
  fmp__generator generator;

  fmp__thread_stream *streams;
  uint32_t n_streams, streams_room;
  fmp__cache *cache;
  fmp_tensor *spare_tensors; /* see tensor.c */
  struct fmp__storage *spare_storages;
  uint32_t n_spare_tensors, n_spare_storages;
  /* Results marked "thread's" rotate, so that two may stand in one printf. */
  fmp__text texts[FMP__CONTEXT_TEXTS];
  uint32_t next_text;
  fmp_sink saved; /* the last one, lent to the caller until the next */
  int registered; /* with the thread's destructor */
} fmp__context;

fmp__context *fmp__context_now(void);
/* Ends what is recorded or traced now, whatever is nested in it, and forgets it. */
void fmp__context_drop_graph(void);
/* An empty buffer for a result marked "thread's". */
fmp__text *fmp__context_text(void);
fmp_status fmp__context_stream(fmp_device *device, fmp__thread_stream **stream);
/* Makes the stream's scratch at least this large. The stream has been entered. */
fmp_status fmp__thread_scratch(fmp__thread_stream *stream, int64_t bytes);
/* Waits on the stream that this thread has for the device, if it has one. */
fmp_status fmp__context_wait(fmp_device *device);
/* Sets the path for ops that are emitted on behalf of another; restore with the old. */
void fmp__context_set_scope(const char *path);

#endif
