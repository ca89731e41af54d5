/* SPDX-License-Identifier: Apache-2.0
 *
 * Streams: in what order a device does its work, and each thread's own stream. On a device that
 * works later they are all the same one; elsewhere a stream belongs to one thread or one plan's
 * instance, and nobody else enqueues on it. */
#ifndef FMP_STREAM_H
#define FMP_STREAM_H

#include "device/device.h"

/* Is work perhaps not done yet when a call returns? */
int fmp__device_works_later(const fmp_device *device);
/* serial: it works on the calling thread alone; where work comes later that means nothing. */
fmp_status fmp__stream_open(fmp_device *device, int32_t serial, void **stream);
void fmp__stream_close(fmp_device *device, void *stream);
/* Waits for what is left and closes the stream that everybody shared, for fmp_shutdown. */
void fmp__stream_close_shared(fmp_device *device);
/* Whoever enqueues on a stream, waits for it or prepares kernels for it does so between these two,
 * and enters no other stream of the device meanwhile: where work comes later a thread would wait
 * for itself. On the cpu this sets how many threads OpenMP gives to oneDNN and OpenBLAS, and puts
 * back what was set before. */
fmp_status fmp__stream_enter(fmp_device *device, void *stream);
void fmp__stream_leave(fmp_device *device, void *stream);
/* Enters, waits for all of the stream's work, and leaves. */
fmp_status fmp__stream_finish(fmp_device *device, void *stream);
/* Waits for all work of a stream that has been entered. */
fmp_status fmp__stream_wait(fmp_device *device, void *stream);

/* A thread's stream on one device, with scratch memory that only grows and is shared by all ops
 * that the thread runs one by one: their work is in order on this stream. */
typedef struct fmp__thread_stream {
  fmp_device *device;
  void *stream;
  void *scratch;
  int64_t scratch_bytes;
  uint64_t *step; /* in the device's memory: what fmp_rng.step points to */
} fmp__thread_stream;

/* Opened the first time, closed when the thread ends. *stream is borrowed until the thread first
 * uses yet another device, which may move the list. */
fmp_status fmp__stream_of_thread(fmp_device *device, fmp__thread_stream **stream);
/* Makes the scratch memory at least this large. The stream has been entered. */
fmp_status fmp__thread_scratch(fmp__thread_stream *stream, int64_t bytes);

#endif
