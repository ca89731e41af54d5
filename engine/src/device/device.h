/* SPDX-License-Identifier: Apache-2.0
 *
 * Devices: opened once, closed by fmp_shutdown alone, and their memory, counted. All calls of a
 * backend's functions for memory and copies go through here, so that here is where a forked process
 * and a test's failing allocations are dealt with. */
#ifndef FMP_DEVICE_H
#define FMP_DEVICE_H

#include <pthread.h>

#include "define/registry.h"
#include "fmp/api.h"

/* One device of a backend. There is at most one struct for each, which lives as long as the
 * process, so devices are compared by address and never counted.
 *
 * `turn` and `stream` serve backends that work later, those with a stream_wait: the one stream that
 * everybody shares, opened when it is first asked for, and who may enqueue on it. From
 * fmp__stream_enter to fmp__stream_leave a thread owns the turn. See stream.c. */
typedef struct fmp__landing fmp__landing;
struct fmp_device {
  fmp__backend *backend;
  int32_t index;
  char name[80]; /* "cpu:0" */
  void *state;   /* the backend's own */
  pthread_mutex_t turn;
  void *stream;
  int is_stream_open;
  fmp__landing *landings; /* spares for numbers that are read later (emit/items.c); by turns, too */
};

/* Closes all that were opened, for fmp_shutdown: no memory and no tensor is left by then. before is
 * called for each first. */
void fmp__devices_close(void (*before)(fmp_device *device));

/* Memory of at least one byte, 64-byte aligned, not cleared. FMP_ENOMEM says how much was wanted.
 * It is freed with the `bytes` it was allocated with, since a backend is told them and the engine
 * counts them. */
fmp_status fmp__device_alloc(fmp_device *device, int64_t bytes, void **memory);
void fmp__device_free(fmp_device *device, void *memory, int64_t bytes);
/* The first in order of registration whose memory is the host's: base plugins come before the
 * user's (plugin.c), so that installing one does not change which it is. */
fmp_status fmp__device_of_host(fmp_device **device);
/* Is its memory ordinary memory, which the engine may read and write itself? */
int fmp__device_is_host(const fmp_device *device);

/* How many threads work on a stream that is not serial. It can change at any time, by any thread;
 * code that prepares kernels reads it once and keeps the number (see fmp__work). */
int32_t fmp__device_threads(const fmp_device *device);
/* Enqueues a copy on a stream that has been entered. direction: FMP_COPY_*. */
fmp_status fmp__device_copy(fmp_device *device, void *stream, int32_t direction, void *target,
                            const void *source, size_t bytes);

#endif
