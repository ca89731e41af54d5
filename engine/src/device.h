/* SPDX-License-Identifier: Apache-2.0
 * Devices: opened once, never closed; their memory, counted. */
#ifndef FMP_DEVICE_H
#define FMP_DEVICE_H

#include "fmp/api.h"
#include "registry.h"

struct fmp_device {
  fmp__backend *backend;
  int32_t index;
  char name[80]; /* "cpu:0" */
  void *state;   /* the backend's own */
};

/* Memory of at least one byte, 64-byte aligned. FMP_ENOMEM says how much was wanted. */
fmp_status fmp__device_alloc(fmp_device *device, int64_t bytes, void **memory);
void fmp__device_free(fmp_device *device, void *memory, int64_t bytes);
/* Is its memory ordinary memory? */
int fmp__device_is_host(const fmp_device *device);

fmp_status fmp__stream_open(fmp_device *device, int32_t serial, void **stream);
void fmp__stream_close(fmp_device *device, void *stream);
void fmp__stream_enter(fmp_device *device, void *stream);
fmp_status fmp__stream_wait(fmp_device *device, void *stream);
/* direction: FMP_COPY_*. */
fmp_status fmp__device_copy(fmp_device *device, void *stream, int32_t direction, void *target,
                            const void *source, size_t bytes);

#endif
