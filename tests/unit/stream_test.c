/* SPDX-License-Identifier: Apache-2.0
 * Streams of a device that does its work later: work on one of them is done before another one
 * reads the results, whoever enqueued it. Also: kernels are prepared for as many threads as they
 * will run on. */
#include "support.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { N = 4, ROUNDS = 20 };

static fmp_device *late;

static int load_late(void **state)
{
  if (load_plugins(state) != 0) return 1;
  if (fmp_plugin_load(FMP_TEST_PLUGINS "/late/fmp_late.so") != FMP_OK) return 1;
  return fmp_device_find("late", &late) != FMP_OK;
}

static fmp_tensor *counting(float first)
{
  const float values[N] = {first, first + 1, first + 2, first + 3};
  const fmp_spec spec = vector_spec(FMP_F32, N);
  fmp_tensor *t = NULL;
  OK(fmp_tensor_from(late, &spec, values, sizeof values, &t));
  return t;
}

/* -- instances ------------------------------------------------------------- */

/* An instance of a plan of one op. */
static fmp_instance *instance_of(const char *name, int32_t serial)
{
  const fmp_spec spec = vector_spec(FMP_F32, N);
  fmp_tensor *x = NULL;
  fmp_graph *g = NULL;
  fmp_plan *plan = NULL;
  fmp_instance *instance = NULL;
  OK(fmp_trace_begin(late, &spec, 1, 0, &x));
  fmp_tensor *y = call(name, 1, x);
  OK(fmp_trace_end(&y, 1, &g));
  OK(fmp_plan_new(g, NULL, 0, 0, &plan));
  OK(fmp_instance_new(plan, serial, &instance));
  fmp_graph_release(g);
  fmp_plan_release(plan);
  drop(2, x, y);
  return instance;
}

/* -- order ----------------------------------------------------------------- */

/* Ways to compute -x, on streams of their own. */
typedef fmp_tensor *(*negation)(fmp_tensor *x);

static fmp_instance *instances[2]; /* the second is serial */

static fmp_tensor *eagerly(fmp_tensor *x) { return call("neg", 1, x); }

static fmp_tensor *planned(fmp_tensor *x)
{
  fmp_tensor *y = NULL;
  OK(fmp_instance_run(instances[0], &x, 1, &y, 1));
  return y;
}

static fmp_tensor *planned_serially(fmp_tensor *x)
{
  fmp_tensor *y = NULL;
  OK(fmp_instance_run(instances[1], &x, 1, &y, 1));
  return y;
}

static void *negate(void *x) { return call("neg", 1, (fmp_tensor *)x); }

/* The thread and its stream are gone when the result is read. */
static fmp_tensor *in_a_thread(fmp_tensor *x)
{
  pthread_t thread;
  void *y = NULL;
  assert_int_equal(pthread_create(&thread, NULL, negate, x), 0);
  assert_int_equal(pthread_join(thread, &y), 0);
  return y;
}

static fmp_tensor *through_the_host(fmp_tensor *x)
{
  fmp_tensor *y = NULL, *z = counting(0);
  float values[N];
  fmp_device *host = NULL;
  OK(fmp_device_find("cpu", &host));
  OK(fmp_tensor_to(x, host, &y));
  values_of(y, N, values);
  for (int i = 0; i < N; i++) values[i] = -values[i];
  OK(fmp_tensor_write(z, values, sizeof values));
  fmp_tensor_release(y);
  return z;
}

static const negation negations[] = {eagerly, planned, planned_serially, in_a_thread,
                                     through_the_host};
enum { NEGATIONS = sizeof negations / sizeof negations[0] };

/* One way, then another, on the same values: each reads what the one before has made. */
static void every_stream_waits_for_every_other(void **state)
{
  (void)state;
  instances[0] = instance_of("neg", 0);
  instances[1] = instance_of("neg", 1);
  for (int round = 0; round < ROUNDS; round++)
    for (int a = 0; a < NEGATIONS; a++)
      for (int b = 0; b < NEGATIONS; b++) {
        if ((a + b + round) % 7) continue; /* each pair three times at least */
        fmp_tensor *x = counting((float)round), *y = negations[a](x), *z = negations[b](y);
        const float n = (float)round, want[N] = {n, n + 1, n + 2, n + 3};
        expect_values(z, N, want, 0);
        drop(3, x, y, z);
      }
  fmp_instance_release(instances[0]);
  fmp_instance_release(instances[1]);
}

typedef struct share {
  pthread_t thread;
  float first;
  int wrong;
} share;

/* Threads among each other, each with values of its own: nobody waits for ever. */
static void *add_often(void *arg)
{
  share *s = arg;
  fmp_tensor *x = counting(s->first);
  for (int round = 0; round < ROUNDS; round++) {
    float got[N];
    fmp_tensor *y = call("neg", 1, x), *z = call("add", 2, x, y);
    s->wrong += fmp_tensor_read(z, got, sizeof got) != FMP_OK;
    for (int i = 0; i < N; i++) s->wrong += got[i] != 0;
    drop(2, y, z);
  }
  fmp_tensor_release(x);
  return NULL;
}

static void threads_take_turns(void **state)
{
  (void)state;
  enum { THREADS = 4 };
  share shares[THREADS];
  for (int i = 0; i < THREADS; i++) {
    shares[i] = (share){.first = (float)i};
    assert_int_equal(pthread_create(&shares[i].thread, NULL, add_often, &shares[i]), 0);
  }
  for (int i = 0; i < THREADS; i++) {
    pthread_join(shares[i].thread, NULL);
    assert_int_equal(shares[i].wrong, 0);
  }
}

/* -- threads of kernels ---------------------------------------------------- */

static void expect_threads(const fmp_tensor *y, int32_t n)
{
  float seen[N];
  values_of(y, N, seen);
  assert_int_equal((int)seen[0], n); /* made ready */
  assert_int_equal((int)seen[1], n); /* ran */
}

static void expect_run_on(fmp_instance *instance, fmp_tensor *x, int32_t n)
{
  fmp_tensor *y = NULL;
  OK(fmp_instance_run(instance, &x, 1, &y, 1));
  expect_threads(y, n);
  fmp_tensor_release(y);
}

/* Whatever the number was before, and whoever entered a stream last. Where work comes later, all
 * share one stream, and an instance that was asked to be serial has its threads. */
static void kernels_are_made_ready_for_their_threads(void **state)
{
  (void)state;
  static const int32_t counts[] = {2, 1, 3, 3, 1, 2, 4, 2};
  fmp_tensor *x = counting(0);
  int32_t now = 0;
  fmp_instance *all = instance_of("late_threads", 0), *one = instance_of("late_threads", 1);
  for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
    OK(fmp_device_threads(late, counts[i], &now));
    expect_run_on(one, x, counts[i]);
    fmp_tensor *y = call("late_threads", 1, x);
    expect_threads(y, counts[i]);
    expect_run_on(one, x, counts[i]);
    expect_run_on(all, x, counts[i]);
    fmp_instance *made_now = instance_of("late_threads", 0);
    expect_run_on(made_now, x, counts[i]);
    fmp_instance_release(made_now);
    fmp_tensor_release(y);
  }
  fmp_instance_release(all);
  fmp_instance_release(one);
  fmp_tensor_release(x);
}

/* Both when one is chosen and when they are looked up to be measured: a choice that had nothing to
 * choose from would not be in the file. */
static void kernels_are_asked_on_their_stream(void **state)
{
  (void)state;
  const char *path = scratch_path("choices");
  size_t n;
  OK(fmp_autotune(path));
  fmp_tensor *x = counting(0), *y = call("add", 2, x, x);
  OK(fmp_autotune(NULL));
  char *bytes = (char *)read_file(path, &n), *text = calloc(n + 1, 1);
  memcpy(text, bytes, n);
  assert_non_null(strstr(text, "add (f32 [4], f32 [4])"));
  free(bytes);
  free(text);
  drop(2, x, y);
}

/* An instance that could not plan anew stays as it was, and can later. */
static void memory_fails_while_planning_anew(void **state)
{
  (void)state;
  int32_t now = 0;
  fmp_tensor *x = counting(0);
  OK(fmp_device_threads(late, 2, &now));
  fmp_instance *instance = instance_of("late_threads", 0);
  OK(fmp_device_threads(late, 3, &now));
  fmp_status status = FMP_ENOMEM;
  for (int64_t after = 0; status == FMP_ENOMEM; after++) {
    fmp_tensor *y = NULL;
    fmp_fail_allocation(after);
    status = fmp_instance_run(instance, &x, 1, &y, 1);
    fmp_fail_allocation(-1);
    fmp_tensor_release(y);
    assert_true(after < 1000);
  }
  assert_int_equal(status, FMP_OK);
  expect_run_on(instance, x, 3);
  OK(fmp_device_threads(late, 2, &now));
  expect_run_on(instance, x, 2);
  fmp_instance_release(instance);
  fmp_tensor_release(x);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_stream_waits_for_every_other),
      cmocka_unit_test(threads_take_turns),
      cmocka_unit_test(kernels_are_made_ready_for_their_threads),
      cmocka_unit_test(kernels_are_asked_on_their_stream),
      cmocka_unit_test(memory_fails_while_planning_anew),
  };
  return cmocka_run_group_tests(tests, load_late, NULL);
}
