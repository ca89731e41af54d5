/* SPDX-License-Identifier: Apache-2.0
 * Devices by name, their threads, and the null device: a whole training step without
 * arithmetic, in memory that the engine must not touch but by copies. */
#define _POSIX_C_SOURCE 200809L /* setenv */
#include "model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void found_by_name(void **state)
{
  (void)state;
  fmp_device *a = NULL, *b = NULL, *c = NULL, *none = NULL;
  OK(fmp_device_find("cpu", &a));
  OK(fmp_device_find("cpu:0", &b));
  OK(fmp_device_find(NULL, &c));
  assert_ptr_equal(a, b);
  assert_ptr_equal(a, c); /* the first device in host memory is the default */
  assert_string_equal(fmp_device_name(a), "cpu:0");
  FAILS(fmp_device_find("cpuu", &none), FMP_ENOTFOUND, "cpu");
  const char *const wrong[] = {"cpu:1", "cpu:-1", "cpu:", "cpu:0x", "cpu:99999999999", ":0", ""};
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
    assert_int_not_equal(fmp_device_find(wrong[i], &none), FMP_OK);
  assert_null(none);
}

static void listed(void **state)
{
  (void)state;
  assert_non_null(strstr(fmp_device_list(), "cpu"));
  assert_non_null(strstr(fmp_device_list(), "null"));
}

static void threads(void **state)
{
  (void)state;
  fmp_device *cpu = NULL;
  int32_t at_first = 0, now = 0;
  OK(fmp_device_find("cpu", &cpu));
  OK(fmp_device_threads(cpu, 0, &at_first));
  assert_true(at_first >= 1);
  OK(fmp_device_threads(cpu, 1, &now));
  assert_int_equal(now, 1);
  OK(fmp_device_threads(cpu, 0, &now));
  assert_int_equal(now, 1);
  assert_int_not_equal(fmp_device_threads(cpu, -3, &now), FMP_OK);
  OK(fmp_device_threads(cpu, at_first, &now));
  OK(fmp_device_wait(cpu));
}

/* Sums of many elements in every number of threads: within rounding of each other. */
static void same_result_on_any_number_of_threads(void **state)
{
  (void)state;
  enum { N = 100003 };
  static float values[N];
  fmp_device *cpu = NULL;
  int32_t at_first = 0, now = 0;
  OK(fmp_device_find("cpu", &cpu));
  OK(fmp_device_threads(cpu, 0, &at_first));
  for (int i = 0; i < N; i++) values[i] = (float)(i % 17) - 8;
  fmp_tensor *x = vector(N, values);
  double first = 0;
  for (int32_t n = 1; n <= 5; n++) {
    OK(fmp_device_threads(cpu, n, &now));
    fmp_tensor *y = call("square", 1, x), *s = call("sum", 1, y);
    if (n == 1) first = item_of(s);
    NEAR(item_of(s), first, 1e-6 * first);
    drop(2, y, s);
  }
  OK(fmp_device_threads(cpu, at_first, &now));
  fmp_tensor_release(x);
}

static fmp_status loop_over(int64_t n, int64_t grain, int64_t fail_from, fmp_tensor **y)
{
  static float zeros[4096];
  const fmp_attr attrs[] = {fmp_attr_i64("grain", grain), fmp_attr_i64("fail_from", fail_from)};
  fmp_tensor *x = vector(n, zeros);
  const fmp_status status = fmp_emit(op("sdk_loop"), attrs, 2, &x, 1, y, 1);
  fmp_tensor_release(x);
  return status;
}

/* Each element once, whatever the length, the grain and the threads; see sdk/loop.c. */
static void parallel_loops(void **state)
{
  (void)state;
  const int64_t lengths[] = {0, 1, 2, 3, 7, 8, 9, 63, 64, 65, 1000, 4096};
  const int64_t grains[] = {INT64_MIN, -1, 0, 1, 2, 7, 64, 4096, 5000, INT64_MAX};
  fmp_device *cpu = NULL;
  int32_t at_first = 0, now = 0;
  OK(fmp_device_find("cpu", &cpu));
  OK(fmp_device_threads(cpu, 0, &at_first));
  for (int32_t threads = 1; threads <= 9; threads += 2)
    for (size_t l = 0; l < sizeof lengths / sizeof lengths[0]; l++)
      for (size_t g = 0; g < sizeof grains / sizeof grains[0]; g++) {
        float got[4096];
        fmp_tensor *y = NULL;
        OK(fmp_device_threads(cpu, threads, &now));
        OK(loop_over(lengths[l], grains[g], -1, &y));
        values_of(y, lengths[l], got);
        for (int64_t i = 0; i < lengths[l]; i++) assert_true(got[i] == 1);
        fmp_tensor_release(y);
      }
  OK(fmp_device_threads(cpu, at_first, &now));
}

/* The lowest stretch's failure is reported with its text, on whatever thread it ran. */
static void parallel_failures(void **state)
{
  (void)state;
  const int64_t n = 1000, from[] = {0, 1, 499, 500, 999};
  fmp_device *cpu = NULL;
  int32_t at_first = 0, now = 0;
  OK(fmp_device_find("cpu", &cpu));
  OK(fmp_device_threads(cpu, 0, &at_first));
  for (int32_t threads = 1; threads <= 5; threads++)
    for (size_t i = 0; i < sizeof from / sizeof from[0]; i++) {
      char text[64];
      fmp_tensor *y = NULL;
      snprintf(text, sizeof text, "sdk_loop: failed at %d", (int)from[i]);
      OK(fmp_device_threads(cpu, threads, &now));
      FAILS(loop_over(n, 1, from[i], &y), FMP_EDEVICE, text);
      assert_null(y);
    }
  OK(fmp_device_threads(cpu, at_first, &now));
}

static void devices_do_not_mix(void **state)
{
  (void)state;
  fmp_device *null = NULL;
  OK(fmp_device_find("null", &null));
  fmp_tensor *a = vector(2, (const float[]){1, 2}), *b = NULL, *back = NULL, *y = NULL;
  OK(fmp_tensor_to(a, null, &b));
  assert_ptr_equal(fmp_tensor_device(b), null);
  fmp_tensor *const in[] = {a, b};
  FAILS(fmp_emit(op("add"), NULL, 0, in, 2, &y, 1), FMP_EDEVICE, "null");
  assert_null(y);
  OK(fmp_tensor_to(b, fmp_tensor_device(a), &back));
  expect_values(back, 2, (const float[]){1, 2}, 0); /* there and back */
  drop(3, a, b, back);
}

/* Shapes, gradients and updates without arithmetic; memory returns. */
static void training_on_null(void **state)
{
  (void)state;
  static const float x_values[] = {1, 2, 3, 4, 5, 6};
  fmp_device *null = NULL, *cpu = NULL;
  OK(fmp_device_find("cpu", &cpu));
  OK(fmp_device_find("null", &null));
  const int64_t before = fmp_tensor_bytes();
  OK(fmp_device_set_default(null));
  model m;
  fmp_tensor *loss = NULL, *y = NULL;
  fmp_graph *g = NULL;
  OK(model_new(&m));
  assert_ptr_equal(fmp_tensor_device(m.w1), null);
  fmp_tensor *x = matrix(3, 2, x_values), *target = matrix(3, 1, x_values);
  OK(model_step(&m, x, target, &loss));
  NEAR(item_of(loss), 0, 0);
  OK(model_trace(&m, 2, &g));
  OK(model_replay(g, x, &y));
  fmp_spec spec;
  fmp_tensor_spec(y, &spec);
  assert_int_equal(spec.shape[0], 3);
  drop(4, x, target, loss, y);
  fmp_graph_release(g);
  model_free(&m);
  OK(fmp_device_set_default(cpu));
  assert_int_equal(fmp_tensor_bytes(), before);
}

/* There and back: only reading waits. */
static fmp_status to_hostile_device(fmp_tensor *x)
{
  fmp_device *device = NULL;
  fmp_tensor *y = NULL, *z = NULL;
  fmp_status status = fmp_device_find("hostile_device", &device);
  if (status == FMP_OK) status = fmp_tensor_to(x, device, &y);
  if (status == FMP_OK) status = fmp_tensor_to(y, fmp_tensor_device(x), &z);
  fmp_tensor_release(y);
  fmp_tensor_release(z);
  return status;
}

/* A status that nobody knows is an error of ours, and says which function it came from. */
static void expect_unknown_status(const char *function, fmp_tensor *x)
{
  char text[64];
  snprintf(text, sizeof text, "%s returned unknown status 4711", function);
  FAILS(to_hostile_device(x), FMP_EPLUGIN, text);
}

/* Any other is the caller's as it came, and so is its text, whatever it failed in; a failure
 * without a text does not take that of one before. */
static void expect_status(const char *function, fmp_status status, fmp_tensor *x)
{
  char text[80];
  const fmp_op *none = NULL;
  snprintf(text, sizeof text, "%d", (int)status);
  setenv("FMP_TEST_STATUS", text, 1);
  setenv("FMP_TEST_TEXT", "the fan has stopped", 1);
  FAILS(to_hostile_device(x), status, "the fan has stopped");
  unsetenv("FMP_TEST_TEXT");
  assert_int_not_equal(fmp_op_find("stale", &none), FMP_OK);
  snprintf(text, sizeof text, "%s failed with %s and no text", function, fmp_status_name(status));
  FAILS(to_hostile_device(x), status, text);
  assert_null(strstr(fmp_last_error(), "stale"));
  unsetenv("FMP_TEST_STATUS");
}

/* If a backend's devices cannot be counted, the list says so. */
static void expect_listed_with_the_reason(void)
{
  setenv("FMP_TEST_STATUS", "5", 1);
  setenv("FMP_TEST_TEXT", "no driver is loaded", 1);
  assert_non_null(strstr(fmp_device_list(), "hostile_device: 0 devices"));
  assert_non_null(strstr(fmp_device_list(), "no driver is loaded"));
  unsetenv("FMP_TEST_STATUS");
  unsetenv("FMP_TEST_TEXT");
}

static void failing_backend(void **state)
{
  /* A device that is open stays open, as does the thread's stream: their opening comes first. */
  static const char *const functions[] = {"count",       "open", "alloc",
                                          "stream_open", "copy", "stream_wait"};
  (void)state;
  fmp_tensor *x = vector(2, (const float[]){1, 2});
  OK(fmp_plugin_load(FMP_TEST_PLUGINS "/hostile/fmp_device.so"));
  for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
    setenv("FMP_TEST_CASE", functions[i], 1);
    const int64_t tensors = fmp_tensor_bytes();
    if (i == 0) expect_listed_with_the_reason();
    expect_unknown_status(functions[i], x);
    for (fmp_status status = FMP_ENOMEM; status < FMP_STATUS_COUNT; status++)
      expect_status(functions[i], status, x);
    assert_int_equal(fmp_tensor_bytes(), tensors);
  }
  unsetenv("FMP_TEST_CASE");
  OK(to_hostile_device(x));
  drop(1, x);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(found_by_name),
      cmocka_unit_test(listed),
      cmocka_unit_test(threads),
      cmocka_unit_test(same_result_on_any_number_of_threads),
      cmocka_unit_test(parallel_loops),
      cmocka_unit_test(parallel_failures),
      cmocka_unit_test(devices_do_not_mix),
      cmocka_unit_test(training_on_null),
      cmocka_unit_test(failing_backend),
  };
  return cmocka_run_group_tests(tests, load_sdk_plugin, NULL);
}
