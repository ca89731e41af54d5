/* SPDX-License-Identifier: Apache-2.0
 *
 * Order between streams. Where work is done when the call returns, each thread and each plan's
 * instance has a stream of its own: they compute side by side, and there is nothing to order. A
 * device that works later has one stream, which all of them share: what an eager op has enqueued
 * comes before the plan that reads it, and memory that is freed is handed out again behind the work
 * that used it, without one event. One thread at a time has the device's turn to enqueue. */
#include "device/stream.h"

#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "base/stop.h"
#include "base/thread.h"
#include "fmp/api.h"

/* -- one stream ------------------------------------------------------------ */

static fmp_stream_args stream_args(const fmp_device *device, void *stream)
{
  return (fmp_stream_args){.struct_size = sizeof(fmp_stream_args),
                           .host = device->backend->plugin->host,
                           .data = device->backend->def.data,
                           .device = device->state,
                           .stream = stream};
}

static fmp_status open_stream(const fmp_device *device, int32_t serial, void **stream)
{
  const fmp_backend_def *def = &device->backend->def;
  *stream = NULL;
  FMP_TRY(fmp__check_forked());
  if (!def->stream_open) return FMP_OK;
  fmp__error_clear();
  fmp_stream_args args = stream_args(device, NULL);
  args.serial = serial;
  return fmp__plugin_status(def->stream_open(&args, stream), "stream_open");
}

static void close_stream(const fmp_device *device, void *stream)
{
  const fmp_stream_args args = stream_args(device, stream);
  if (device->backend->def.stream_close && !fmp__is_forked())
    device->backend->def.stream_close(&args);
}

/* A backend that has nothing to wait for has done its work when its functions return. */
int fmp__device_works_later(const fmp_device *device)
{
  return device->backend->def.stream_wait != NULL;
}

static fmp_status shared_stream(fmp_device *device, void **stream)
{
  fmp_status status = FMP_OK;
  pthread_mutex_lock(&device->turn);
  if (!device->is_stream_open) status = open_stream(device, 0, &device->stream);
  if (status == FMP_OK) device->is_stream_open = 1;
  *stream = device->stream;
  pthread_mutex_unlock(&device->turn);
  return status;
}

fmp_status fmp__stream_open(fmp_device *device, int32_t serial, void **stream)
{
  return fmp__device_works_later(device) ? shared_stream(device, stream)
                                         : open_stream(device, serial, stream);
}

void fmp__stream_close(fmp_device *device, void *stream)
{
  if (!fmp__device_works_later(device)) close_stream(device, stream);
}

/* Nobody is left to be told of a failure. */
void fmp__stream_close_shared(fmp_device *device)
{
  if (!device->is_stream_open) return;
  (void)fmp__stream_finish(device, device->stream);
  close_stream(device, device->stream);
  device->is_stream_open = 0;
}

/* The turn stays locked until fmp__stream_leave; without stream_wait there is no turn at all. */
fmp_status fmp__stream_enter(fmp_device *device, void *stream)
{
  const fmp_backend_def *def = &device->backend->def;
  const fmp_stream_args args = stream_args(device, stream);
  FMP_TRY(fmp__check_forked());
  if (fmp__device_works_later(device)) pthread_mutex_lock(&device->turn);
  if (def->stream_enter) def->stream_enter(&args);
  return FMP_OK;
}

void fmp__stream_leave(fmp_device *device, void *stream)
{
  const fmp_backend_def *def = &device->backend->def;
  const fmp_stream_args args = stream_args(device, stream);
  if (def->stream_leave) def->stream_leave(&args);
  if (fmp__device_works_later(device)) pthread_mutex_unlock(&device->turn);
}

/* Waiting counts as using the stream, so it needs the turn. */
fmp_status fmp__stream_finish(fmp_device *device, void *stream)
{
  FMP_TRY(fmp__check_forked());
  if (!fmp__device_works_later(device)) return FMP_OK;
  FMP_TRY(fmp__stream_enter(device, stream));
  const fmp_status status = fmp__stream_wait(device, stream);
  fmp__stream_leave(device, stream);
  return status;
}

fmp_status fmp__stream_wait(fmp_device *device, void *stream)
{
  const fmp_backend_def *def = &device->backend->def;
  const fmp_stream_args args = stream_args(device, stream);
  FMP_TRY(fmp__check_forked());
  if (!def->stream_wait) return FMP_OK;
  fmp__error_clear();
  return fmp__plugin_status(def->stream_wait(&args), "stream_wait");
}

/* -- the thread's own streams ---------------------------------------------- */

/* One for each device that this thread has used: rarely more than two, so they are searched in
 * turn. */
static _Thread_local fmp__thread_stream *streams;
static _Thread_local uint32_t n_streams, streams_room;

/* Work that is queued may still use the scratch memory and the step: device memory is freed behind
 * it (plugin.h). */
static void free_stream(fmp__thread_stream *s)
{
  fmp__device_free(s->device, s->scratch, s->scratch_bytes);
  fmp__device_free(s->device, s->step, (int64_t)sizeof *s->step);
  fmp__stream_close(s->device, s->stream);
}

static void free_streams(void)
{
  while (n_streams > 0) free_stream(&streams[--n_streams]);
  fmp__free(streams);
  streams = NULL;
  streams_room = 0;
}

/* Every thread that runs an op comes here first, so this is where the engine makes sure of being
 * told when the process exits. It must not do so earlier: plugins bring libraries, and what those
 * do at exit must come after what we do. */
static fmp_status open_thread_stream(fmp_device *device, fmp__thread_stream *s)
{
  void *step;
  memset(s, 0, sizeof *s);
  s->device = device;
  FMP_TRY(fmp__device_alloc(device, (int64_t)sizeof *s->step, &step));
  s->step = step;
  const fmp_status status = fmp__stream_open(device, 0, &s->stream);
  fmp__thread_watch_exit();
  if (status != FMP_OK) fmp__device_free(device, step, (int64_t)sizeof *s->step);
  return status;
}

static fmp__thread_stream *find_stream(const fmp_device *device)
{
  for (uint32_t i = 0; i < n_streams; i++)
    if (streams[i].device == device) return &streams[i];
  return NULL;
}

fmp_status fmp__stream_of_thread(fmp_device *device, fmp__thread_stream **stream)
{
  *stream = find_stream(device);
  if (*stream) return FMP_OK;
  if (!fmp__grow((void **)&streams, &streams_room, n_streams, sizeof *streams))
    return fmp__no_memory("a stream");
  FMP_TRY(open_thread_stream(device, &streams[n_streams]));
  fmp__thread_at_end(FMP__END_STREAMS, free_streams);
  *stream = &streams[n_streams++];
  return FMP_OK;
}

fmp_status fmp__thread_scratch(fmp__thread_stream *s, int64_t bytes)
{
  if (bytes <= s->scratch_bytes) return FMP_OK;
  void *scratch;
  FMP_TRY(fmp__device_alloc(s->device, bytes, &scratch));
  fmp__device_free(s->device, s->scratch, s->scratch_bytes);
  s->scratch = scratch;
  s->scratch_bytes = bytes;
  return FMP_OK;
}

/* Nothing has been enqueued before the shared stream was first asked for. */
fmp_status fmp_device_wait(fmp_device *device)
{
  void *stream;
  FMP_TRY(fmp__require(device, "a device"));
  if (!fmp__device_works_later(device)) return fmp__check_forked();
  FMP_TRY(shared_stream(device, &stream));
  return fmp__stream_finish(device, stream);
}
