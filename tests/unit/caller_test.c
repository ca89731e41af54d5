/* SPDX-License-Identifier: Apache-2.0
 * The calling thread's and process's settings stay as they were, whatever runs: OpenMP's number
 * of threads, rounding and denormals, signals, locale, environment. */
#define _GNU_SOURCE 1 /* environ */
#include "support.h"

#include <dlfcn.h>
#include <fenv.h>
#include <locale.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

/* -- the caller's state ---------------------------------------------------- */

static int (*get_threads)(void);
static void (*set_threads)(int threads);

/* The OpenMP runtime that the plugins use. */
static int find_openmp(void)
{
  void *const handle = dlopen("libgomp.so.1", RTLD_NOW | RTLD_LOCAL);
  void *const get = handle ? dlsym(handle, "omp_get_max_threads") : NULL;
  void *const set = handle ? dlsym(handle, "omp_set_num_threads") : NULL;
  memcpy(&get_threads, &get, sizeof get);
  memcpy(&set_threads, &set, sizeof set);
  return get && set;
}

struct caller {
  int threads, rounding;
  unsigned modes;
  sigset_t blocked;
  char locale[64], directory[512];
  size_t variables;
};

static struct caller look(void)
{
  struct caller c;
  memset(&c, 0, sizeof c);
  c.threads = get_threads();
  c.rounding = fegetround();
#if defined(__x86_64__)
  c.modes = _mm_getcsr() & ~(unsigned)_MM_EXCEPT_MASK;
#endif
  pthread_sigmask(SIG_BLOCK, NULL, &c.blocked);
  snprintf(c.locale, sizeof c.locale, "%s", setlocale(LC_ALL, NULL));
  if (!getcwd(c.directory, sizeof c.directory)) c.directory[0] = '\0';
  while (environ[c.variables]) c.variables++;
  return c;
}

static void expect_unchanged(const struct caller *before, const char *after_what)
{
  const struct caller now = look();
  if (memcmp(before, &now, sizeof now) == 0) return;
  fail_msg("after %s: expected %d threads, rounding %d, modes %x, got %d, %d, %x, or another "
           "signal mask, locale, directory or environment",
           after_what, before->threads, before->rounding, before->modes, now.threads, now.rounding,
           now.modes);
}

/* -- all ways to run ------------------------------------------------------- */

static fmp_tensor *zeros(uint32_t rank, const int64_t *shape)
{
  const fmp_spec spec = spec_of(FMP_F32, rank, shape);
  size_t bytes = sizeof(float);
  for (uint32_t i = 0; i < rank; i++) bytes *= (size_t)shape[i];
  void *values = calloc(1, bytes);
  fmp_tensor *t = NULL;
  OK(fmp_tensor_from(NULL, &spec, values, (int64_t)bytes, &t));
  free(values);
  return t;
}

static const int64_t images[] = {4, 9, 9, 16}, small[] = {4, 2, 2, 16}, filters[] = {32, 3, 3, 16};
static const int64_t square[] = {64, 64};

/* Kernels of oneDNN, of OpenBLAS, and ours. */
static fmp_tensor *work(fmp_tensor *x, fmp_tensor *w)
{
  fmp_tensor *a = zeros(2, square), *y = call("conv2d", 2, x, w), *z = call("exp", 1, y);
  fmp_tensor *product = call("matmul", 2, a, a);
  drop(3, a, y, product);
  return z;
}

static void run_eager(void)
{
  fmp_tensor *x = zeros(4, images), *w = zeros(4, filters);
  drop(3, x, w, work(x, w));
}

static void run_refused(void)
{
  fmp_tensor *in[] = {zeros(4, small), zeros(4, filters)}, *y = NULL;
  FAILS(fmp_emit(op("conv2d"), NULL, 0, in, 2, &y, 1), FMP_ESHAPE, "height of 2");
  drop(2, in[0], in[1]);
}

static void run_plan(int32_t serial)
{
  const fmp_spec spec = spec_of(FMP_F32, 4, images);
  fmp_tensor *w = zeros(4, filters), *x = NULL, *y = NULL, *in = zeros(4, images);
  fmp_graph *g = NULL;
  fmp_plan *plan = NULL;
  fmp_instance *instance = NULL;
  OK(fmp_trace_begin(NULL, &spec, 1, 0, &x));
  fmp_tensor *traced = work(x, w);
  OK(fmp_trace_end(&traced, 1, &g));
  OK(fmp_plan_new(g, NULL, 0, 0, &plan));
  OK(fmp_instance_new(plan, serial, &instance));
  OK(fmp_instance_run(instance, &in, 1, &y, 1));
  drop(5, w, x, y, in, traced);
  fmp_instance_release(instance);
  fmp_plan_release(plan);
  fmp_graph_release(g);
}

static void run_all(const struct caller *before)
{
  run_eager();
  expect_unchanged(before, "an eager op");
  run_refused();
  expect_unchanged(before, "a refused op");
  run_plan(1);
  expect_unchanged(before, "a serial run");
  run_plan(0);
  expect_unchanged(before, "a run");
}

/* -- tests ----------------------------------------------------------------- */

static void device_threads(int32_t count)
{
  fmp_device *device;
  int32_t now;
  OK(fmp_device_default(&device));
  OK(fmp_device_threads(device, count, &now));
}

/* Fewer and more than the device uses. */
static void threads_are_left(void **state)
{
  (void)state;
  if (!find_openmp()) skip();
  const int before = get_threads();
  for (int callers = 1; callers <= 3; callers++)
    for (int32_t devices = 1; devices <= 3; devices++) {
      device_threads(devices);
      set_threads(callers);
      const struct caller c = look();
      assert_int_equal(c.threads, callers);
      run_all(&c);
    }
  set_threads(before);
}

static void rounding_is_left(void **state)
{
  (void)state;
  if (!find_openmp()) skip();
  device_threads(2);
  fesetround(FE_UPWARD);
#if defined(__x86_64__)
  _mm_setcsr(_mm_getcsr() | 0x8040); /* denormals are flushed, and taken for zero */
#endif
  const struct caller c = look();
  run_all(&c);
  fesetenv(FE_DFL_ENV);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(threads_are_left),
      cmocka_unit_test(rounding_is_left),
  };
  return cmocka_run_group_tests(tests, load_plugins, NULL);
}
