/* SPDX-License-Identifier: Apache-2.0 */
#include "device/stream.h"

#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "base/stop.h"
#include "base/thread.h"
#include "fmp/api.h"

/* -- one stream ------------------------------------------------------------ */

fmp_status fmp__stream_open(fmp_device *device, int32_t serial, void **stream)
{
  const fmp_backend_def *def = &device->backend->def;
  *stream = NULL;
  FMP_TRY(fmp__check_forked());
  if (!def->stream_open) return FMP_OK;
  fmp__error_clear();
  return fmp__plugin_status(def->stream_open(device->state, serial, stream), "stream_open");
}

/* A backend that cannot be waited for has done its work when it returns. */
static int works_later(const fmp_device *device)
{
  return device->backend->def.stream_wait != NULL;
}

void fmp__stream_close(fmp_device *device, void *stream)
{
  const fmp_backend_def *def = &device->backend->def;
  if (fmp__is_forked()) return;
  if (works_later(device)) pthread_mutex_lock(&device->turn);
  if (device->last_stream == stream) device->last_stream = NULL;
  if (def->stream_close) def->stream_close(device->state, stream);
  if (works_later(device)) pthread_mutex_unlock(&device->turn);
}

/* What another stream had got is done before this one gets more: a value that one of them makes
 * may be read by the other, and its memory be had again. */
static fmp_status take_turn(fmp_device *device, void *stream)
{
  void *const before = device->last_stream;
  device->last_stream = stream;
  return before && before != stream ? fmp__stream_wait(device, before) : FMP_OK;
}

fmp_status fmp__stream_enter(fmp_device *device, void *stream)
{
  const fmp_backend_def *def = &device->backend->def;
  FMP_TRY(fmp__check_forked());
  if (works_later(device)) {
    pthread_mutex_lock(&device->turn);
    const fmp_status status = take_turn(device, stream);
    if (status != FMP_OK) {
      pthread_mutex_unlock(&device->turn);
      return status;
    }
  }
  if (def->stream_enter) def->stream_enter(device->state, stream);
  return FMP_OK;
}

void fmp__stream_leave(fmp_device *device, void *stream)
{
  const fmp_backend_def *def = &device->backend->def;
  if (def->stream_leave) def->stream_leave(device->state, stream);
  if (works_later(device)) pthread_mutex_unlock(&device->turn);
}

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
  FMP_TRY(fmp__check_forked());
  if (!def->stream_wait) return FMP_OK;
  fmp__error_clear();
  return fmp__plugin_status(def->stream_wait(device->state, stream), "stream_wait");
}

/* -- the thread's ---------------------------------------------------------- */

static _Thread_local fmp__thread_stream *streams;
static _Thread_local uint32_t n_streams, streams_room;

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

static fmp_status open_stream(fmp_device *device, fmp__thread_stream *s)
{
  void *step;
  memset(s, 0, sizeof *s);
  s->device = device;
  FMP_TRY(fmp__device_alloc(device, (int64_t)sizeof *s->step, &step));
  s->step = step;
  const fmp_status status = fmp__stream_open(device, 0, &s->stream);
  /* Not before plugins have brought their libraries: what those do at exit comes after us. */
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
  FMP_TRY(fmp__stream_wait(s->device, s->stream)); /* the old one may be in use */
  FMP_TRY(fmp__device_alloc(s->device, bytes, &scratch));
  fmp__device_free(s->device, s->scratch, s->scratch_bytes);
  s->scratch = scratch;
  s->scratch_bytes = bytes;
  return FMP_OK;
}

fmp_status fmp_device_wait(fmp_device *device)
{
  FMP_TRY(fmp__require(device, "a device"));
  const fmp__thread_stream *s = find_stream(device);
  return s ? fmp__stream_finish(device, s->stream) : FMP_OK;
}
