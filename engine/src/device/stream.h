/* SPDX-License-Identifier: Apache-2.0
 * Streams: in what order the work of a device is done, and each thread's own. */
#ifndef FMP_STREAM_H
#define FMP_STREAM_H

#include "device/device.h"

fmp_status fmp__stream_open(fmp_device *device, int32_t serial, void **stream);
void fmp__stream_close(fmp_device *device, void *stream);
/* Whoever enqueues on a stream, waits for it or makes kernels ready for it does so between these
 * two. Fails if the work of another stream did, and needs no leave then. Not nested. */
fmp_status fmp__stream_enter(fmp_device *device, void *stream);
void fmp__stream_leave(fmp_device *device, void *stream);
/* Enters, waits and leaves. */
fmp_status fmp__stream_finish(fmp_device *device, void *stream);
fmp_status fmp__stream_wait(fmp_device *device, void *stream);

/* The thread's stream on one device, with scratch memory that only grows. */
typedef struct fmp__thread_stream {
  fmp_device *device;
  void *stream;
  void *scratch;
  int64_t scratch_bytes;
  uint64_t *step; /* in the device's memory: what fmp_rng.step points to */
} fmp__thread_stream;

/* Opened the first time, and closed when the thread ends. */
fmp_status fmp__stream_of_thread(fmp_device *device, fmp__thread_stream **stream);
/* Makes the stream's scratch at least this large. The stream has been entered. */
fmp_status fmp__thread_scratch(fmp__thread_stream *stream, int64_t bytes);

#endif
