/* SPDX-License-Identifier: Apache-2.0
 *
 * The backend: memory, streams and copies. Kernels run on the cpu backend's device and streams, so
 * they have its threads and its loops. */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "far.h"

const fmp_host *far_host;
fmp_backend_def far_cpu;

static far_device *devices[FAR_MOST_DEVICES];

/* A setting that is a number; `otherwise` if it is not set. */
static int64_t setting(const char *name, int64_t otherwise)
{
  const char *text = getenv(name);
  return text ? strtoll(text, NULL, 10) : otherwise;
}

static int is_mode(const char *mode)
{
  const char *set = getenv("FAR_MODE");
  return set && strcmp(set, mode) == 0;
}

static int is_later(void) { return is_mode("later") || is_mode("recorded"); }

void far_count(far_device *d, int what) { atomic_fetch_add(&d->counts[what], 1); }

far_device *far_device_at(int32_t index)
{
  return index >= 0 && index < FAR_MOST_DEVICES ? devices[index] : NULL;
}

void far_drain(void)
{
  for (int i = 0; i < FAR_MOST_DEVICES; i++)
    if (devices[i] && devices[i]->queue) far_queue_drain(devices[i]->queue);
}

fmp_status far_enqueue(far_device *d, fmp_status (*fn)(void *), void (*drop)(void *), void *arg)
{
  const far_work work = {fn, drop, arg};
  if (!d->graph && !d->queue) return far_do(&work);
  const fmp_status status =
      d->graph ? far_graph_add(d->graph, &work) : far_queue_add(d->queue, &work);
  if (status != FMP_OK) drop(arg);
  return status;
}

/* An accelerator would fail, or note the address of memory that is gone when a graph is launched.
 */
static void refuse_in_capture(const far_device *d, const char *what)
{
  if (!d->graph) return;
  fprintf(stderr, "far: %s during a capture\n", what);
  abort();
}

/* -- devices --------------------------------------------------------------- */

static fmp_status count_devices(const fmp_device_args *a, int32_t *count)
{
  (void)a;
  *count = (int32_t)setting("FAR_DEVICES", 2);
  return FMP_OK;
}

static fmp_device_args cpu_device_args(const far_device *d)
{
  return (fmp_device_args){.struct_size = sizeof(fmp_device_args),
                           .host = far_host,
                           .data = far_cpu.data,
                           .device = d->cpu};
}

static fmp_status open_device(const fmp_device_args *a, void **device)
{
  far_device *d = calloc(1, sizeof *d);
  FMP_REQUIRE(far_host, d != NULL && a->index < FAR_MOST_DEVICES, FMP_ENOMEM, "far: no memory");
  d->index = a->index;
  fmp_device_args cpu = cpu_device_args(d);
  fmp_status status = far_cpu.open(&cpu, &d->cpu);
  if (status == FMP_OK && is_later() && !(d->queue = far_queue_new(setting("FAR_DELAY", 20))))
    status = far_host->fail(FMP_ENOMEM, "far: no thread");
  if (status != FMP_OK) {
    free(d);
    return status;
  }
  *device = devices[d->index] = d;
  return FMP_OK;
}

static void close_device(const fmp_device_args *a)
{
  far_device *d = a->device;
  far_queue_close(d->queue);
  const fmp_device_args cpu = cpu_device_args(d);
  far_cpu.close(&cpu);
  devices[d->index] = NULL;
  free(d);
}

static int32_t set_threads(const fmp_device_args *a)
{
  const far_device *d = a->device;
  fmp_device_args cpu = cpu_device_args(d);
  cpu.threads = a->threads;
  return far_cpu.threads(&cpu);
}

/* -- memory ---------------------------------------------------------------- */

typedef struct freeing {
  void *memory;
  size_t bytes;
} freeing;

static fmp_status alloc_memory(const fmp_memory_args *a, void **memory)
{
  far_device *d = a->device;
  refuse_in_capture(d, "memory was allocated");
  const int64_t room = setting("FAR_BYTES", INT64_MAX), held = atomic_load(&d->held);
  FMP_REQUIRE(far_host, a->bytes < ((size_t)1 << 46) && (int64_t)a->bytes <= room - held,
              FMP_ENOMEM, "far: %zu bytes asked, %" PRId64 " held, %" PRId64 " free", a->bytes,
              held, room - held);
  char *near =
      aligned_alloc(FAR_ALIGNMENT, (a->bytes + FAR_ALIGNMENT - 1) & -(size_t)FAR_ALIGNMENT);
  FMP_REQUIRE(far_host, near != NULL, FMP_ENOMEM, "far: no memory for %zu bytes", a->bytes);
  memset(near, 0xFF, a->bytes); /* NaN, and no index of anything */
  atomic_fetch_add(&d->held, (int64_t)a->bytes);
  far_count(d, FAR_ALLOCS);
  *memory = far_of(near);
  return FMP_OK;
}

static fmp_status overwrite_and_free(void *arg)
{
  const freeing *f = arg;
  memset(f->memory, 0xFE, f->bytes);
  free(f->memory);
  return FMP_OK;
}

/* Behind the work that may still use it. Without memory for that, it waits instead. */
static void free_memory(const fmp_memory_args *a)
{
  far_device *d = a->device;
  refuse_in_capture(d, "memory was freed");
  freeing *f = malloc(sizeof *f);
  atomic_fetch_sub(&d->held, (int64_t)a->bytes);
  far_count(d, FAR_FREES);
  if (f) *f = (freeing){far_near(a->memory), a->bytes};
  if (f && far_enqueue(d, overwrite_and_free, free, f) == FMP_OK) return;
  far_drain();
  free(far_near(a->memory));
}

/* -- copies ---------------------------------------------------------------- */

typedef struct copying {
  void *target;
  const void *source;
  size_t bytes;
  char staging[]; /* the host's bytes, which the caller may reuse at once */
} copying;

static fmp_status do_copy(void *arg)
{
  const copying *c = arg;
  memmove(c->target, c->source, c->bytes);
  return FMP_OK;
}

static fmp_status copy(const fmp_copy_args *a)
{
  far_device *d = a->device;
  const int comes_in = a->direction == FMP_COPY_TO_DEVICE;
  if (a->direction != FMP_COPY_WITHIN) refuse_in_capture(d, "the host's memory was copied");
  copying *c = malloc(sizeof *c + (comes_in ? a->bytes : 0));
  FMP_REQUIRE(far_host, c != NULL, FMP_ENOMEM, "far: no memory for a copy");
  c->bytes = a->bytes;
  c->source = comes_in ? c->staging : far_near(a->source);
  c->target = a->direction == FMP_COPY_TO_HOST ? a->target : far_near(a->target);
  if (comes_in) memcpy(c->staging, a->source, a->bytes);
  if (comes_in) far_count(d, FAR_COPIES_IN);
  if (a->direction == FMP_COPY_TO_HOST) far_count(d, FAR_COPIES_OUT);
  return far_enqueue(d, do_copy, free, c);
}

/* -- streams --------------------------------------------------------------- */

static fmp_stream_args cpu_stream_args(const far_device *d, void *stream)
{
  return (fmp_stream_args){.struct_size = sizeof(fmp_stream_args),
                           .host = far_host,
                           .data = far_cpu.data,
                           .device = d->cpu,
                           .stream = stream};
}

static fmp_status open_stream(const fmp_stream_args *a, void **stream)
{
  far_device *d = a->device;
  far_stream *s = calloc(1, sizeof *s);
  FMP_REQUIRE(far_host, s != NULL, FMP_ENOMEM, "far: no memory for a stream");
  s->device = d;
  fmp_stream_args cpu = cpu_stream_args(d, NULL);
  cpu.serial = a->serial;
  *stream = s;
  FMP_TRY(far_cpu.stream_open(&cpu, &s->caller));
  return far_cpu.stream_open(&cpu, &s->worker);
}

static void close_stream(const fmp_stream_args *a)
{
  far_stream *s = a->stream;
  const fmp_stream_args caller = cpu_stream_args(s->device, s->caller);
  const fmp_stream_args worker = cpu_stream_args(s->device, s->worker);
  far_cpu.stream_close(&caller);
  far_cpu.stream_close(&worker);
  free(s);
}

static void enter_stream(const fmp_stream_args *a)
{
  const far_stream *s = a->stream;
  const fmp_stream_args cpu = cpu_stream_args(s->device, s->caller);
  far_cpu.stream_enter(&cpu);
}

static void leave_stream(const fmp_stream_args *a)
{
  const far_stream *s = a->stream;
  const fmp_stream_args cpu = cpu_stream_args(s->device, s->caller);
  far_cpu.stream_leave(&cpu);
}

static fmp_status wait(const fmp_stream_args *a)
{
  far_device *d = a->device;
  refuse_in_capture(d, "the host waited");
  far_count(d, FAR_WAITS);
  return far_queue_wait(d->queue);
}

/* -- events ----------------------------------------------------------------- */

/* How many pieces of work are in front of the last mark. */
typedef struct event {
  int64_t mark;
} event;

static fmp_status open_event(const fmp_event_args *a, void **made)
{
  (void)a;
  *made = calloc(1, sizeof(event));
  FMP_REQUIRE(far_host, *made != NULL, FMP_ENOMEM, "far: no memory for an event");
  return FMP_OK;
}

static void close_event(const fmp_event_args *a) { free(a->event); }

static fmp_status record_event(const fmp_event_args *a)
{
  const far_device *d = a->device;
  ((event *)a->event)->mark = far_queue_mark(d->queue);
  return FMP_OK;
}

static fmp_status sync_event(const fmp_event_args *a)
{
  far_device *d = a->device;
  far_count(d, FAR_SYNCS);
  return far_queue_wait_for(d->queue, ((const event *)a->event)->mark);
}

/* Ordinary memory; what lies behind it is checked by the sanitizers. */
static fmp_status alloc_pinned(const fmp_memory_args *a, void **memory)
{
  *memory = malloc(a->bytes);
  FMP_REQUIRE(far_host, *memory != NULL, FMP_ENOMEM, "far: no memory");
  return FMP_OK;
}

static void free_pinned(const fmp_memory_args *a) { free(a->memory); }

/* -- captures ---------------------------------------------------------------- */

static fmp_status begin_capture(const fmp_capture_args *a)
{
  far_device *d = a->device;
  refuse_in_capture(d, "another began");
  d->graph = far_graph_new();
  FMP_REQUIRE(far_host, d->graph != NULL, FMP_ENOMEM, "far: no memory for a graph");
  return FMP_OK;
}

/* FAR_REFUSES_CAPTURES: as an accelerator does where a kernel has done what cannot be noted. */
static fmp_status end_capture(const fmp_capture_args *a, void **graph)
{
  far_device *d = a->device;
  far_graph *g = d->graph;
  d->graph = NULL;
  if (setting("FAR_REFUSES_CAPTURES", 0)) {
    far_graph_release(g);
    return far_host->fail(FMP_EUNSUPPORTED, "far: this cannot be captured");
  }
  *graph = g;
  return FMP_OK;
}

static void release_graph(void *graph) { far_graph_release(graph); }

static fmp_status launch_graph(const fmp_capture_args *a)
{
  far_count(a->device, FAR_LAUNCHES);
  return far_enqueue(a->device, far_graph_run, release_graph, far_graph_retain(a->graph));
}

static void free_graph(const fmp_capture_args *a) { far_graph_release(a->graph); }

fmp_status far_add_backend(fmp_registry *r)
{
  fmp_backend_def def = {.struct_size = sizeof def,
                         .name = "far",
                         .doc = "Out of the host's reach.",
                         .count = count_devices,
                         .open = open_device,
                         .close = close_device,
                         .alloc = alloc_memory,
                         .free = free_memory,
                         .stream_open = open_stream,
                         .stream_close = close_stream,
                         .stream_enter = enter_stream,
                         .stream_leave = leave_stream,
                         .copy = copy,
                         .threads = set_threads};
  if (is_later()) {
    def.stream_wait = wait;
    def.event_open = open_event;
    def.event_close = close_event;
    def.event_record = record_event;
    def.event_sync = sync_event;
    def.pinned_alloc = alloc_pinned;
    def.pinned_free = free_pinned;
  }
  if (is_mode("recorded")) {
    def.capture_begin = begin_capture;
    def.capture_end = end_capture;
    def.graph_launch = launch_graph;
    def.graph_free = free_graph;
  }
  return far_host->add_backend(r, &def);
}
