/* SPDX-License-Identifier: Apache-2.0
 *
 * Opening OpenBLAS. It chooses its kernels as it is loaded, and reads OPENBLAS_CORETYPE
 * then; if it were linked in, it would be too late to set that.
 *
 * Why it is set at all: versions 0.3.x before 0.3.25 know Intel processors by family and
 * model. Extended models above 10 (Raptor Lake, Emerald Rapids, Arrow Lake ...) and
 * families above 6 fall through a switch to the processors of 2004, "Prescott": SSE3 kernels,
 * a fifth of the speed on Emerald Rapids. All other processors that they do not know, AMD's
 * included, get kernels by their features, and need no help. Neither do later versions; the
 * name tells them what they would find anyway, or kernels one step down. */
#define _POSIX_C_SOURCE 200809L /* setenv */
#define _DEFAULT_SOURCE 1       /* MAP_ANONYMOUS */
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "openblas.h"

/* -- which processor ------------------------------------------------------------- */

#if defined(__x86_64__)
#include <cpuid.h>

/* Whether version 0.3.21 takes the processor for a Prescott. */
static int is_mistaken(void)
{
  unsigned eax, ebx, ecx, edx;
  char vendor[12];
  if (!__get_cpuid(0, &eax, &ebx, &ecx, &edx)) return 0;
  memcpy(vendor, &ebx, 4);
  memcpy(vendor + 4, &edx, 4);
  memcpy(vendor + 8, &ecx, 4);
  if (memcmp(vendor, "GenuineIntel", 12) != 0) return 0;
  if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx)) return 0;
  const unsigned family = (eax >> 8) & 15, extended_family = (eax >> 20) & 255;
  const unsigned extended_model = (eax >> 16) & 15;
  return (family == 6 && extended_model > 10) || (family == 15 && extended_family > 0);
}

/* OpenBLAS's name for the best kernels that processor and operating system allow, both
 * of which __builtin_cpu_supports asks. NULL: none that would be faster. */
static const char *core_name(void)
{
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512cd"))
    return "SkylakeX";
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return "Haswell";
  return NULL;
}

#else
static int is_mistaken(void) { return 0; }
static const char *core_name(void) { return NULL; }
#endif

/* -- the library ------------------------------------------------------------------ */

enum { BUILT_FOR_OPENMP = 2 }; /* what openblas_get_parallel() says */

static const fmp_host *host;
static pthread_mutex_t opening = PTHREAD_MUTEX_INITIALIZER;
static openblas library; /* zero: not there */
static int has_tried;    /* to open it */
static int room_for;     /* threads; 0: none found yet */
static int has_warned;   /* of a lack of room */

void openblas_setup(const fmp_host *h)
{
  const char *name = is_mistaken() ? core_name() : NULL;
  host = h;
  if (name != NULL) setenv("OPENBLAS_CORETYPE", name, 0); /* a value that the user has set stays */
}

/* POSIX gives functions as pointers to data. */
static void find(void *handle, const char *name, void *function)
{
  void *const address = dlsym(handle, name);
  memcpy(function, &address, sizeof address);
}

static int open_library(void)
{
  void *const handle = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL);
  int (*parallel)(void) = NULL;
  if (handle == NULL) {
    host->log(1, "%s: matrix products take the slow reference kernel", dlerror());
    return 0;
  }
  find(handle, "cblas_sgemm", &library.sgemm);
  find(handle, "cblas_dgemm", &library.dgemm);
  find(handle, "openblas_get_parallel", &parallel);
  if (parallel != NULL && parallel() != BUILT_FOR_OPENMP)
    host->log(1, "libopenblas.so.0 was not built for OpenMP: its threads are not the engine's");
  return library.sgemm != NULL && library.dgemm != NULL;
}

/* -- room for it ------------------------------------------------------------------ */

/* Where there is no room for its buffers (ulimit -v), the library asks for them again and again,
 * for ever: one for each thread as it is loaded, one more in the first product, some later for
 * further threads. In MiB of address space, measured: 39 + 128 (threads + 1), and what the system
 * takes for a thread. */
enum { LIBRARY = 48, BUFFER = 128, THREAD = 72 };

static size_t megabytes_for(int threads)
{
  return threads > 0 ? LIBRARY + BUFFER + (size_t)threads * (BUFFER + THREAD) : 0;
}

static int has_room(size_t megabytes)
{
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  void *const probe = mmap(NULL, megabytes << 20, PROT_NONE, flags, -1, 0);
  return probe != MAP_FAILED && munmap(probe, megabytes << 20) == 0;
}

/* Whether there is room for that many threads, beyond what there was for fewer. */
static int make_room(int threads)
{
  const size_t megabytes = megabytes_for(threads) - megabytes_for(room_for);
  if (!has_room(megabytes)) {
    if (!has_warned)
      host->log(1,
                "no room for libopenblas.so.0, %zu MiB of address space for %d threads: "
                "matrix products take the slow reference kernel",
                megabytes, threads);
    has_warned = 1;
    return 0;
  }
  room_for = threads;
  return 1;
}

static int open_for(int threads)
{
  if (has_tried && library.sgemm == NULL) return 0;
  if (threads > room_for && !make_room(threads)) return 0;
  if (has_tried) return 1;
  has_tried = 1;
  if (open_library()) return 1;
  library.sgemm = NULL;
  return 0;
}

const openblas *openblas_open(int threads)
{
  pthread_mutex_lock(&opening);
  const int is_open = open_for(threads);
  pthread_mutex_unlock(&opening);
  return is_open ? &library : NULL;
}
