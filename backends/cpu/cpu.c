/* SPDX-License-Identifier: Apache-2.0
 *
 * The host's processor as a backend: ordinary memory, and threads by OpenMP.
 *
 * OpenMP because oneDNN and OpenBLAS use it: one pool of threads serves them and our own
 * loops. Work is done at once, so a stream carries no queue; it carries on how many
 * threads its work runs. Built without OpenMP, everything runs on the calling thread.
 */
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
  HUGE_PAGE = 2 << 20, /* of x86-64, and of aarch64 with pages of 4 KiB */
  LARGE = 8 << 20,     /* bytes from which pages of that size are asked for: plans' memory */
  MOST_THREADS = 4096
};

struct device {
  const fmp_host *h;
  _Atomic int32_t threads; /* of streams that are not serial */
};

struct stream {
  int32_t serial; /* non-zero: the calling thread alone */
  int32_t threads;
  int32_t entered; /* how often, and not left */
  int32_t callers; /* threads that OpenMP had for the caller before */
};

/* -- device ---------------------------------------------------------------- */

/* What OpenMP allows (OMP_THREAD_LIMIT), and what a plan has memory for. */
static int32_t within_limits(int32_t threads)
{
  const int allowed = omp_get_thread_limit();
  const int32_t most = allowed < MOST_THREADS ? allowed : MOST_THREADS;
  return threads < most ? threads : most;
}

static fmp_status open_device(const fmp_host *h, int32_t index, void **device)
{
  FMP_REQUIRE(h, index == 0, FMP_EDEVICE, "expected device 0, the only one, got %d", (int)index);
  struct device *d = h->alloc(sizeof *d);
  FMP_REQUIRE(h, d != NULL, FMP_ENOMEM, "no memory for a device");
  d->h = h;
  const int32_t asked_for = omp_get_max_threads(); /* OMP_NUM_THREADS, or all processors */
  atomic_init(&d->threads, within_limits(asked_for));
  if (asked_for > MOST_THREADS)
    h->log(1, "cpu: expected 1 to %d threads, got %d (OMP_NUM_THREADS): %d are used", MOST_THREADS,
           (int)asked_for, (int)d->threads);
  *device = d;
  return FMP_OK;
}

/* Without OpenMP the number in force stays 1, whatever is asked for. */
static int32_t set_threads(void *device, int32_t count)
{
  struct device *d = device;
#ifdef _OPENMP
  if (count > 0) atomic_store(&d->threads, within_limits(count));
#else
  (void)count;
#endif
  return atomic_load(&d->threads);
}

/* -- memory ---------------------------------------------------------------- */

/* NULL: none. C11 wants a multiple of the alignment. */
static void *aligned(size_t alignment, size_t bytes)
{
  const size_t rest = bytes % alignment, padding = rest ? alignment - rest : 0;
  return bytes > SIZE_MAX - padding ? NULL : aligned_alloc(alignment, bytes + padding);
}

/* On pages of 2 MiB where the system has them for those who ask: kernels that walk through images
 * tile by tile touch more pages of 4 KiB than processors have translations at hand. */
static void *large(size_t bytes)
{
  void *m = aligned(HUGE_PAGE, bytes);
#ifdef MADV_HUGEPAGE
  if (m != NULL) madvise(m, bytes, MADV_HUGEPAGE); /* advice: that it is not taken is no error */
#endif
  return m;
}

static fmp_status alloc_memory(void *device, size_t bytes, void **memory)
{
  const struct device *d = device;
  void *m = bytes < LARGE ? aligned(ALIGNMENT, bytes) : large(bytes);
  FMP_REQUIRE(d->h, m != NULL, FMP_ENOMEM, "cpu: no memory for %zu bytes", bytes);
  *memory = m;
  return FMP_OK;
}

static void free_memory(void *device, void *memory)
{
  (void)device;
  free(memory);
}

static fmp_status copy(void *device, void *stream, int32_t direction, void *target,
                       const void *source, size_t bytes)
{
  (void)device, (void)stream, (void)direction;
  if (bytes > 0) memmove(target, source, bytes); /* within one tensor they may overlap */
  return FMP_OK;
}

/* -- streams --------------------------------------------------------------- */

static int32_t threads_of(const struct device *d, const struct stream *s)
{
  return s->serial ? 1 : atomic_load(&d->threads);
}

static fmp_status open_stream(void *device, int32_t serial, void **stream)
{
  struct device *d = device;
  struct stream *s = d->h->alloc(sizeof *s);
  FMP_REQUIRE(d->h, s != NULL, FMP_ENOMEM, "no memory for a stream");
  *s = (struct stream){.serial = serial};
  s->threads = threads_of(d, s);
  *stream = s;
  return FMP_OK;
}

static void close_stream(void *device, void *stream)
{
  const struct device *d = device;
  d->h->free(stream);
}

static void tell_openmp(int32_t threads)
{
  if (omp_get_max_threads() != threads) omp_set_num_threads(threads);
}

/* oneDNN and OpenBLAS ask OpenMP how many threads the caller may use, so setting that
 * number for this thread makes them follow the stream. */
static void enter_stream(void *device, void *stream)
{
  struct stream *s = stream;
  if (s->entered++ == 0) s->callers = omp_get_max_threads();
  s->threads = threads_of(device, s);
  tell_openmp(s->threads);
}

static void leave_stream(void *device, void *stream)
{
  struct stream *s = stream;
  (void)device;
  if (--s->entered == 0) tell_openmp(s->callers);
}

/* -- the parallel loop ----------------------------------------------------- */

/* How many stretches of at least `grain` fit, at most one a thread. Inside of a parallel
 * region there is one: its threads are busy already. */
static int32_t parts_of(const struct stream *s, int64_t n, int64_t grain)
{
  const int64_t fit = n / (grain > 1 ? grain : 1);
  const int32_t threads = s && !omp_in_parallel() ? s->threads : 1;
  return fit < threads ? (int32_t)fit : threads;
}

#ifdef _OPENMP
struct failure {
  int32_t part; /* the lowest that failed so far, so that the answer does not depend on timing */
  fmp_status status;
};

/* The section has no name: a named one would be an exported symbol. */
static void note(struct failure *first, int32_t part, fmp_status status)
{
#pragma omp critical
  if (first->status == FMP_OK || part < first->part) {
    first->part = part;
    first->status = status;
  }
}

/* Part p of P takes [n p/P, n (p+1)/P), in a form that cannot overflow: the first n % P
 * parts are one longer. The division depends on n and P alone, never on timing. */
static fmp_status run_parts(int32_t parts, int64_t n, fmp_range_fn body, void *arg)
{
  const int64_t length = n / parts, longer = n % parts;
  struct failure first = {0, FMP_OK};
#pragma omp parallel for schedule(static, 1) num_threads(parts)
  for (int32_t p = 0; p < parts; p++) {
    const int64_t begin = length * p + (p < longer ? p : longer);
    const fmp_status status = body(arg, begin, begin + length + (p < longer));
    if (status != FMP_OK) note(&first, p, status);
  }
  return first.status;
}
#else
static fmp_status run_parts(int32_t parts, int64_t n, fmp_range_fn body, void *arg)
{
  (void)parts;
  return body(arg, 0, n);
}
#endif

static fmp_status parallel_for(void *device, void *stream, int64_t n, int64_t grain,
                               fmp_range_fn body, void *arg)
{
  (void)device;
  if (n <= 0) return FMP_OK;
  const int32_t parts = parts_of(stream, n, grain);
  return parts > 1 ? run_parts(parts, n, body, arg) : body(arg, 0, n);
}

/* -- entry ----------------------------------------------------------------- */

static fmp_status load(const fmp_host *h, fmp_registry *r)
{
  static const fmp_backend_def def = {
      .struct_size = sizeof def,
      .name = "cpu",
      .doc = "The host's processor: ordinary memory, threads by OpenMP.",
      .flags = FMP_BACKEND_HOST,
      .open = open_device,
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
  return h->add_backend(r, &def);
}

FMP_PLUGIN("cpu", "1.0", "the host's processor", load);
