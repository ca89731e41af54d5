/* SPDX-License-Identifier: Apache-2.0
 *
 * The host's processor as a backend: ordinary memory, and threads by OpenMP.
 *
 * OpenMP because oneDNN and OpenBLAS use it: one pool of threads serves them and our own loops.
 * Work is done when a function returns, so a stream carries no queue; it carries on how many
 * threads its work runs. Built without OpenMP, everything runs on the calling thread. */
#define _DEFAULT_SOURCE 1 /* madvise */
#include "fmp/plugin.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#if defined(__unix__)
#include <sys/mman.h>
#endif

#ifdef _OPENMP
#include <omp.h>
#else
/* What the rest of this file needs of OpenMP, for one thread. */
static int omp_get_max_threads(void) { return 1; }
static int omp_get_thread_limit(void) { return 1; }
static int omp_in_parallel(void) { return 0; }
static void omp_set_num_threads(int n) { (void)n; }
#endif

enum {
  ALIGNMENT = 64,      /* a cache line, and the widest vector register */
  HUGE_PAGE = 2 << 20, /* on x86-64, and on aarch64 with pages of 4 KiB */
  LARGE = 8 << 20,     /* from this many bytes on huge pages are asked for: arenas of plans */
  MOST_THREADS = 4096
};

/* `threads` may be changed at any time by any thread; a stream takes it over when it is entered,
 * and keeps it until it is entered again, so that no kernel sees the number change while it
 * runs. */
struct device {
  _Atomic int32_t threads; /* of streams that are not serial */
};

/* Used by one thread at a time, its owner's. entered > 0: between enter and leave. */
struct stream {
  int32_t serial; /* non-zero: the calling thread alone */
  int32_t threads;
  int32_t entered; /* how many times it was entered and not yet left */
  int32_t callers; /* how many threads OpenMP gave to the caller before */
};

/* -- device ---------------------------------------------------------------- */

/* What OpenMP allows (OMP_THREAD_LIMIT), and what the engine takes (FMP_MAX_THREADS). */
static int32_t within_limits(int32_t threads)
{
  const int allowed = omp_get_thread_limit();
  const int32_t most = allowed < MOST_THREADS ? allowed : MOST_THREADS;
  return threads < most ? threads : most;
}

static fmp_status open_device(const fmp_device_args *args, void **device)
{
  const fmp_host *h = args->host;
  struct device *d = h->alloc(sizeof *d);
  FMP_REQUIRE(h, d != NULL, FMP_ENOMEM, "no memory for a device");
  const int32_t asked_for = omp_get_max_threads(); /* OMP_NUM_THREADS, or all processors */
  atomic_init(&d->threads, within_limits(asked_for));
  if (asked_for > MOST_THREADS)
    h->log(1, "cpu: expected 1 to %d threads, got %d (OMP_NUM_THREADS): %d are used", MOST_THREADS,
           (int)asked_for, (int)d->threads);
  *device = d;
  return FMP_OK;
}

static void close_device(const fmp_device_args *args) { args->host->free(args->device); }

/* Without OpenMP the number in force stays 1, whatever is asked for. */
static int32_t set_threads(const fmp_device_args *args)
{
  struct device *d = args->device;
#ifdef _OPENMP
  if (args->threads > 0) atomic_store(&d->threads, within_limits(args->threads));
#endif
  return atomic_load(&d->threads);
}

/* -- memory ---------------------------------------------------------------- */

/* NULL: there is none. C11 wants the size to be a multiple of the alignment. */
static void *aligned(size_t alignment, size_t bytes)
{
  const size_t rest = bytes % alignment, padding = rest ? alignment - rest : 0;
  return bytes > SIZE_MAX - padding ? NULL : aligned_alloc(alignment, bytes + padding);
}

/* On huge pages, if the system has them for those who ask: kernels that walk through images tile by
 * tile touch more pages of 4 KiB than a processor has translations for. Measured on a Zen 5 with
 * two threads: 2 to 4 % of a CIFAR training step, and nothing that shows of MNIST's. */
static void *large(size_t bytes)
{
  void *m = aligned(HUGE_PAGE, bytes);
#ifdef MADV_HUGEPAGE
  if (m != NULL) madvise(m, bytes, MADV_HUGEPAGE); /* only advice: it may be ignored */
#endif
  return m;
}

static fmp_status alloc_memory(const fmp_memory_args *args, void **memory)
{
  void *m = args->bytes < LARGE ? aligned(ALIGNMENT, args->bytes) : large(args->bytes);
  FMP_REQUIRE(args->host, m != NULL, FMP_ENOMEM, "cpu: no memory for %zu bytes", args->bytes);
  *memory = m;
  return FMP_OK;
}

static void free_memory(const fmp_memory_args *args) { free(args->memory); }

/* memmove, since source and target may overlap if they are views of one tensor. */
static fmp_status copy(const fmp_copy_args *args)
{
  if (args->bytes > 0) memmove(args->target, args->source, args->bytes);
  return FMP_OK;
}

/* -- streams --------------------------------------------------------------- */

static int32_t threads_of(struct device *d, const struct stream *s)
{
  return s->serial ? 1 : atomic_load(&d->threads);
}

static fmp_status open_stream(const fmp_stream_args *args, void **stream)
{
  struct stream *s = args->host->alloc(sizeof *s);
  FMP_REQUIRE(args->host, s != NULL, FMP_ENOMEM, "no memory for a stream");
  *s = (struct stream){.serial = args->serial};
  s->threads = threads_of(args->device, s);
  *stream = s;
  return FMP_OK;
}

static void close_stream(const fmp_stream_args *args) { args->host->free(args->stream); }

/* omp_set_num_threads() is not free, and nearly always the number is right already. */
static void tell_openmp(int32_t threads)
{
  if (omp_get_max_threads() != threads) omp_set_num_threads(threads);
}

/* oneDNN and OpenBLAS ask OpenMP how many threads the caller may use; setting that number for this
 * thread makes them follow the stream. What the caller had is put back by leave_stream(): the
 * engine must not change how many threads a user's own OpenMP loops have. */
static void enter_stream(const fmp_stream_args *args)
{
  struct stream *s = args->stream;
  if (s->entered++ == 0) s->callers = omp_get_max_threads();
  s->threads = threads_of(args->device, s);
  tell_openmp(s->threads);
}

static void leave_stream(const fmp_stream_args *args)
{
  struct stream *s = args->stream;
  if (--s->entered == 0) tell_openmp(s->callers);
}

/* -- the parallel loop ----------------------------------------------------- */

/* How many stretches of at least `grain` fit, one for each thread at most. Inside a parallel region
 * there is one: all threads are busy already. */
static int32_t parts_of(const fmp_parallel_args *args)
{
  const struct stream *s = args->stream;
  const int64_t fit = args->n / (args->grain > 1 ? args->grain : 1);
  const int32_t threads = s && !omp_in_parallel() ? s->threads : 1;
  return fit < threads ? (int32_t)fit : threads;
}

static fmp_status run_part(const fmp_parallel_args *args, int64_t begin, int64_t end,
                           int32_t worker)
{
  const fmp_range range = {
      .struct_size = sizeof range, .arg = args->arg, .begin = begin, .end = end, .worker = worker};
  return args->body(&range);
}

#ifdef _OPENMP
struct failure {
  int32_t part; /* the lowest that has failed: the answer must not depend on timing */
  fmp_status status;
};

/* The critical section has no name, because a named one would be an exported symbol. */
static void note(struct failure *first, int32_t part, fmp_status status)
{
#pragma omp critical
  if (first->status == FMP_OK || part < first->part) {
    first->part = part;
    first->status = status;
  }
}

/* Part p of P takes [n p/P, n (p+1)/P), written so that it cannot overflow: the first n % P parts
 * are one longer. The division depends on n and P alone, so that sums which are made per part are
 * the same from run to run. But OpenMP may have fewer threads than parts, so the worker is the
 * thread's number, not the part's. */
static fmp_status run_parts(const fmp_parallel_args *args, int32_t parts)
{
  const int64_t length = args->n / parts, longer = args->n % parts;
  struct failure first = {0, FMP_OK};
#pragma omp parallel for schedule(static, 1) num_threads(parts)
  for (int32_t p = 0; p < parts; p++) {
    const int64_t begin = length * p + (p < longer ? p : longer);
    const fmp_status status =
        run_part(args, begin, begin + length + (p < longer), omp_get_thread_num());
    if (status != FMP_OK) note(&first, p, status);
  }
  return first.status;
}
#else
static fmp_status run_parts(const fmp_parallel_args *args, int32_t parts)
{
  (void)parts;
  return run_part(args, 0, args->n, 0);
}
#endif

static fmp_status parallel_for(const fmp_parallel_args *args)
{
  if (args->n <= 0) return FMP_OK;
  const int32_t parts = parts_of(args);
  return parts > 1 ? run_parts(args, parts) : run_part(args, 0, args->n, 0);
}

/* -- entry ----------------------------------------------------------------- */

static const fmp_backend_def def = {
    .struct_size = sizeof(fmp_backend_def),
    .name = "cpu",
    .doc = "The host's processor: ordinary memory, threads by OpenMP.",
    .flags = FMP_BACKEND_HOST,
    .open = open_device,
    .close = close_device,
    .alloc = alloc_memory,
    .free = free_memory,
    .stream_open = open_stream,
    .stream_close = close_stream,
    .stream_enter = enter_stream,
    .stream_leave = leave_stream,
    .copy = copy,
    .parallel_for = parallel_for,
    .threads = set_threads,
};

static fmp_status load(const fmp_host *h, fmp_registry *r) { return h->add_backend(r, &def); }

FMP_PLUGIN("cpu", "1.0", "the host's processor", load);
