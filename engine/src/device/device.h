/* SPDX-License-Identifier: Apache-2.0
 * Devices: opened once, never closed; their memory, counted. */
#ifndef FMP_DEVICE_H
#define FMP_DEVICE_H

#include <pthread.h>

#include "fmp/api.h"
#include "define/registry.h"

struct fmp_device {
  fmp__backend *backend;
  int32_t index;
  char name[80]; /* "cpu:0" */
  void *state;   /* the backend's own */
  /* Of backends that do work later: one thread at a time enqueues, from fmp__stream_enter to
   * fmp__stream_leave, and work of one stream comes after what another had got before. */
  pthread_mutex_t turn;
  void *last_stream; /* that had a turn; NULL: it has been closed, or none has */
};

/* Memory of at least one byte, 64-byte aligned. FMP_ENOMEM says how much was wanted. */
fmp_status fmp__device_alloc(fmp_device *device, int64_t bytes, void **memory);
void fmp__device_free(fmp_device *device, void *memory, int64_t bytes);
/* Is its memory ordinary memory? */
int fmp__device_is_host(const fmp_device *device);

/* How many threads the work of streams that are not serial runs on. */
int32_t fmp__device_threads(const fmp_device *device);
/* direction: FMP_COPY_*. */
fmp_status fmp__device_copy(fmp_device *device, void *stream, int32_t direction, void *target,
                            const void *source, size_t bytes);

#endif
