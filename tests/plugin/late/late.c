/* SPDX-License-Identifier: Apache-2.0
 *
 * A backend whose work is done later: each stream is a thread with a queue, and takes its time
 * before each piece of work. Whoever forgets to wait reads what has not been written yet. Its
 * threads are a number that entering a stream sets for the calling thread, as OpenMP has it, and
 * that leaving it takes away. */
#define _POSIX_C_SOURCE 200809L
#include "fmp/plugin.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { DELAY_NS = 3000000, MOST_STREAMS = 64, MOST_IN = 2, UNSET = -1 };

/* One piece of work: fn on copies of the pointers that the call had. */
typedef struct task {
  struct task *next;
  void (*fn)(struct task *t);
  const float *in[MOST_IN];
  float *out;
  int64_t n;
  void *bytes; /* a copy's source where the caller may reuse it; owned */
} task;

typedef struct stream {
  pthread_t thread;
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  task *first, **end;
  int busy, closing;
  int32_t serial;
} stream;

static struct {
  const fmp_host *h;
  pthread_mutex_t mutex;
  stream *streams[MOST_STREAMS];
  _Atomic int32_t threads;
} device = {.mutex = PTHREAD_MUTEX_INITIALIZER, .threads = 2};

static _Thread_local int32_t threads_now = UNSET;

/* -- the queue ------------------------------------------------------------- */

static void do_one(stream *s)
{
  const struct timespec delay = {0, DELAY_NS};
  task *t = s->first;
  s->first = t->next;
  if (!s->first) s->end = &s->first;
  s->busy = 1;
  pthread_mutex_unlock(&s->mutex);
  nanosleep(&delay, NULL);
  t->fn(t);
  free(t->bytes);
  free(t);
  pthread_mutex_lock(&s->mutex);
  s->busy = 0;
  pthread_cond_broadcast(&s->changed);
}

static void *work(void *arg)
{
  stream *s = arg;
  pthread_mutex_lock(&s->mutex);
  while (s->first || !s->closing) {
    if (s->first)
      do_one(s);
    else
      pthread_cond_wait(&s->changed, &s->mutex);
  }
  pthread_mutex_unlock(&s->mutex);
  return NULL;
}

static fmp_status enqueue(stream *s, const task *what)
{
  task *t = malloc(sizeof *t);
  FMP_REQUIRE(device.h, t != NULL, FMP_ENOMEM, "late: no memory for work");
  *t = *what;
  t->next = NULL;
  pthread_mutex_lock(&s->mutex);
  *s->end = t;
  s->end = &t->next;
  pthread_cond_broadcast(&s->changed);
  pthread_mutex_unlock(&s->mutex);
  return FMP_OK;
}

static void drain(stream *s)
{
  pthread_mutex_lock(&s->mutex);
  while (s->first || s->busy) pthread_cond_wait(&s->changed, &s->mutex);
  pthread_mutex_unlock(&s->mutex);
}

/* -- the backend ----------------------------------------------------------- */

static fmp_status open_device(const fmp_device_args *a, void **state)
{
  device.h = a->host;
  *state = &device;
  return FMP_OK;
}

static fmp_status alloc_memory(const fmp_memory_args *a, void **memory)
{
  *memory = aligned_alloc(64, (a->bytes + 63) / 64 * 64);
  FMP_REQUIRE(device.h, *memory != NULL, FMP_ENOMEM, "late: no memory");
  memset(*memory, 0x7F, a->bytes); /* no value that anybody expects */
  return FMP_OK;
}

/* Work that is queued may still use it. */
static void free_memory(const fmp_memory_args *a)
{
  pthread_mutex_lock(&device.mutex);
  for (int i = 0; i < MOST_STREAMS; i++)
    if (device.streams[i]) drain(device.streams[i]);
  pthread_mutex_unlock(&device.mutex);
  free(a->memory);
}

/* The first place that holds `old` gets `new`; 0 if none does. */
static int exchange(stream *old, stream *new)
{
  int found = 0;
  pthread_mutex_lock(&device.mutex);
  for (int i = 0; i < MOST_STREAMS && !found; i++) {
    found = device.streams[i] == old;
    if (found) device.streams[i] = new;
  }
  pthread_mutex_unlock(&device.mutex);
  return found;
}

static fmp_status stream_open(const fmp_stream_args *a, void **opened)
{
  stream *s = calloc(1, sizeof *s);
  FMP_REQUIRE(device.h, s != NULL, FMP_ENOMEM, "late: no memory for a stream");
  pthread_mutex_init(&s->mutex, NULL);
  pthread_cond_init(&s->changed, NULL);
  s->end = &s->first;
  s->serial = a->serial;
  if (!exchange(NULL, s) || pthread_create(&s->thread, NULL, work, s) != 0) {
    exchange(s, NULL);
    free(s);
    return device.h->fail(FMP_EDEVICE, "late: too many streams");
  }
  *opened = s;
  return FMP_OK;
}

static void stream_close(const fmp_stream_args *a)
{
  stream *s = a->stream;
  exchange(s, NULL);
  pthread_mutex_lock(&s->mutex);
  s->closing = 1;
  pthread_cond_broadcast(&s->changed);
  pthread_mutex_unlock(&s->mutex);
  pthread_join(s->thread, NULL);
  pthread_mutex_destroy(&s->mutex);
  pthread_cond_destroy(&s->changed);
  free(s);
}

static void stream_enter(const fmp_stream_args *a)
{
  const stream *s = a->stream;
  threads_now = s->serial ? 1 : atomic_load(&device.threads);
}

static void stream_leave(const fmp_stream_args *a)
{
  (void)a;
  threads_now = UNSET;
}

static fmp_status stream_wait(const fmp_stream_args *a)
{
  drain(a->stream);
  return FMP_OK;
}

static void do_copy(task *t) { memcpy(t->out, t->bytes ? t->bytes : t->in[0], (size_t)t->n); }

static fmp_status enqueue_copy(void *s, int32_t direction, void *target, const void *source,
                               size_t bytes)
{
  task t = {.fn = do_copy, .in = {source}, .out = target, .n = (int64_t)bytes};
  if (direction == FMP_COPY_TO_DEVICE) {
    t.bytes = malloc(bytes);
    FMP_REQUIRE(device.h, t.bytes != NULL, FMP_ENOMEM, "late: no memory for a copy");
    memcpy(t.bytes, source, bytes);
  }
  return enqueue(s, &t);
}

static fmp_status copy(const fmp_copy_args *a)
{
  return enqueue_copy(a->stream, a->direction, a->target, a->source, a->bytes);
}

static int32_t set_threads(const fmp_device_args *a)
{
  if (a->threads > 0) atomic_store(&device.threads, a->threads);
  return atomic_load(&device.threads);
}

/* -- kernels --------------------------------------------------------------- */

static int64_t size_of(const fmp_view *v)
{
  int64_t n = 1;
  for (uint32_t i = 0; i < v->rank; i++) n *= v->shape[i];
  return n;
}

static fmp_status later(const fmp_call *call, void (*fn)(task *t))
{
  task t = {.fn = fn, .out = call->out[0].data, .n = size_of(&call->out[0])};
  for (uint32_t i = 0; i < call->n_in && i < MOST_IN; i++) t.in[i] = call->in[i].data;
  return enqueue(call->stream, &t);
}

static void do_neg(task *t)
{
  for (int64_t i = 0; i < t->n; i++) t->out[i] = -t->in[0][i];
}
static fmp_status run_neg(const fmp_call *call) { return later(call, do_neg); }

static void do_add(task *t)
{
  for (int64_t i = 0; i < t->n; i++) t->out[i] = t->in[0][i] + t->in[1][i];
}
static fmp_status run_add(const fmp_call *call) { return later(call, do_add); }

/* late_threads: y = how many threads the kernel was made ready for, and how many it ran on. */
static fmp_status threads_infer(const fmp_infer_args *a)
{
  a->out[0] = a->in[0];
  return FMP_OK;
}

static fmp_status threads_prepare(const fmp_kernel_args *args, void **state)
{
  int32_t *threads = args->host->alloc(sizeof *threads);
  FMP_REQUIRE(args->host, threads != NULL, FMP_ENOMEM, "late: no memory");
  *threads = threads_now;
  *state = threads;
  return FMP_OK;
}

static void threads_release(const fmp_release_args *args) { args->host->free(args->state); }

static fmp_status threads_run(const fmp_call *call)
{
  const float seen[2] = {(float)*(const int32_t *)call->state, (float)threads_now};
  return enqueue_copy(call->stream, FMP_COPY_TO_DEVICE, call->out[0].data, seen, sizeof seen);
}

/* Takes no work while no stream is entered. */
static int32_t is_entered(const fmp_kernel_args *args)
{
  (void)args;
  return threads_now != UNSET;
}

static fmp_status add_kernel(const fmp_host *h, fmp_registry *r, const char *op, const char *name,
                             int32_t priority, fmp_status (*run)(const fmp_call *call))
{
  const fmp_kernel_def kernel = {.struct_size = sizeof kernel,
                                 .op = op,
                                 .backend = "late",
                                 .name = name,
                                 .dtypes = FMP_BIT(FMP_F32),
                                 .priority = priority,
                                 .supports = is_entered,
                                 .run = run};
  return h->add_kernel(r, &kernel);
}

static fmp_status load(const fmp_host *h, fmp_registry *r)
{
  static const fmp_backend_def backend = {.struct_size = sizeof backend,
                                          .name = "late",
                                          .doc = "Takes its time.",
                                          .open = open_device,
                                          .alloc = alloc_memory,
                                          .free = free_memory,
                                          .stream_open = stream_open,
                                          .stream_close = stream_close,
                                          .stream_enter = stream_enter,
                                          .stream_leave = stream_leave,
                                          .stream_wait = stream_wait,
                                          .copy = copy,
                                          .threads = set_threads};
  static const fmp_op_def op = {.struct_size = sizeof op,
                                .name = "late_threads",
                                .schema = "(x) -> (y)",
                                .doc = "Threads when it was made ready, and when it ran.",
                                .version = 1,
                                .flags = FMP_OP_EFFECT,
                                .infer = threads_infer};
  static const fmp_kernel_def kernel = {.struct_size = sizeof kernel,
                                        .op = "late_threads",
                                        .backend = "late",
                                        .name = "ref",
                                        .dtypes = FMP_BIT(FMP_F32),
                                        .prepare = threads_prepare,
                                        .release = threads_release,
                                        .run = threads_run};
  FMP_TRY(h->add_backend(r, &backend));
  FMP_TRY(h->add_op(r, &op));
  FMP_TRY(h->add_kernel(r, &kernel));
  FMP_TRY(add_kernel(h, r, "neg", "ref", 0, run_neg));
  FMP_TRY(add_kernel(h, r, "add", "one", 1, run_add));
  return add_kernel(h, r, "add", "other", 2, run_add);
}

FMP_PLUGIN("late", "1.0", "a device that takes its time", load);
