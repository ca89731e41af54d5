/* SPDX-License-Identifier: Apache-2.0
 *
 * Order between streams. Each thread and each plan's instance has a stream of its own, and values
 * pass between them: a plan reads what an eager op has just enqueued. Instead of tracking which
 * work needs which, whoever enters a stream of a device that works later waits for the stream that
 * was entered before, if it is another one. One thread at a time has the device's turn, so there is
 * never more than one stream to wait for. */
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

fmp_status fmp__stream_open(fmp_device *device, int32_t serial, void **stream)
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

/* A backend that has nothing to wait for has done its work when its functions return. */
static int works_later(const fmp_device *device)
{
  return device->backend->def.stream_wait != NULL;
}

/* All its work has been waited for. last_stream must forget it: a stream that is opened later may
 * get the same address. */
void fmp__stream_close(fmp_device *device, void *stream)
{
  const fmp_backend_def *def = &device->backend->def;
  const fmp_stream_args args = stream_args(device, stream);
  if (fmp__is_forked()) return;
  if (works_later(device)) pthread_mutex_lock(&device->turn);
  if (device->last_stream == stream) device->last_stream = NULL;
  if (def->stream_close) def->stream_close(&args);
  if (works_later(device)) pthread_mutex_unlock(&device->turn);
}

/* Waits for the stream that had the turn before, if it is another one: a value that it makes may be
 * read by the one that enters, and memory that it works with may be handed out again. The turn is
 * noted before the wait: if that fails, the failure is reported once, here. */
static fmp_status take_turn(fmp_device *device, void *stream)
{
  void *const before = device->last_stream;
  device->last_stream = stream;
  return before && before != stream ? fmp__stream_wait(device, before) : FMP_OK;
}

/* The turn stays locked until fmp__stream_leave; without stream_wait there is no turn at all. */
fmp_status fmp__stream_enter(fmp_device *device, void *stream)
{
  const fmp_backend_def *def = &device->backend->def;
  const fmp_stream_args args = stream_args(device, stream);
  FMP_TRY(fmp__check_forked());
  if (works_later(device)) {
    pthread_mutex_lock(&device->turn);
    const fmp_status status = take_turn(device, stream);
    if (status != FMP_OK) {
      pthread_mutex_unlock(&device->turn);
      return status;
    }
  }
  if (def->stream_enter) def->stream_enter(&args);
  return FMP_OK;
}

void fmp__stream_leave(fmp_device *device, void *stream)
{
  const fmp_backend_def *def = &device->backend->def;
  const fmp_stream_args args = stream_args(device, stream);
  if (def->stream_leave) def->stream_leave(&args);
  if (works_later(device)) pthread_mutex_unlock(&device->turn);
}

/* Waiting counts as using the stream, so it needs the turn. */
fmp_status fmp__stream_finish(fmp_device *device, void *stream)
{
  FMP_TRY(fmp__check_forked());
  if (!works_later(device)) return FMP_OK;
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

/* The scratch memory and the step may be in use until the stream has been waited for. */
static void free_stream(fmp__thread_stream *s)
{
  (void)fmp__stream_finish(s->device, s->stream); /* nobody is left to be told */
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
static fmp_status open_stream(fmp_device *device, fmp__thread_stream *s)
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
  FMP_TRY(open_stream(device, &streams[n_streams]));
  fmp__thread_at_end(FMP__END_STREAMS, free_streams);
  *stream = &streams[n_streams++];
  return FMP_OK;
}

fmp_status fmp__thread_scratch(fmp__thread_stream *s, int64_t bytes)
{
  if (bytes <= s->scratch_bytes) return FMP_OK;
  void *scratch;
  FMP_TRY(fmp__stream_wait(s->device, s->stream)); /* kernels may still use the old one */
  FMP_TRY(fmp__device_alloc(s->device, bytes, &scratch));
  fmp__device_free(s->device, s->scratch, s->scratch_bytes);
  s->scratch = scratch;
  s->scratch_bytes = bytes;
  return FMP_OK;
}

/* A thread that never used the device has enqueued nothing there. */
fmp_status fmp_device_wait(fmp_device *device)
{
  FMP_TRY(fmp__require(device, "a device"));
  const fmp__thread_stream *s = find_stream(device);
  return s ? fmp__stream_finish(device, s->stream) : FMP_OK;
}
