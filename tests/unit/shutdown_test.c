/* SPDX-License-Identifier: Apache-2.0
 * fmp_shutdown: whatever the library was used for, nothing of it is held afterwards. */
#include "support.h"

#include <pthread.h>

enum { N = 4 };

/* An op run at once, recorded with gradients, traced, planned, measured and profiled; a scope, an
 * error, a device, a resource and its saved bytes. */
static void use_everything(void)
{
  const fmp_attr start = fmp_attr_i64("start", 1);
  const fmp_spec spec = vector_spec(FMP_F32, N);
  fmp_tensor *x = vector(N, (const float[]){1, -2, 3, -4}), *in = NULL, *out = NULL, *dx = NULL;
  fmp_graph *g = NULL;
  fmp_plan *plan = NULL;
  fmp_instance *instance = NULL;
  fmp_resource *counter = NULL;
  const void *bytes = NULL;
  int64_t n = 0;
  OK(fmp_autotune(""));
  fmp_profile(1);
  drop(1, call("relu", 1, x));
  OK(fmp_record_begin());
  fmp_tensor *y = call("relu", 1, x), *loss = call("sum", 1, y);
  OK(fmp_gradients(loss, &x, 1, &dx));
  fmp_record_end(NULL, 0);
  OK(fmp_trace_begin(NULL, &spec, 1, 0, &in));
  fmp_tensor *traced = call("exp", 1, in);
  OK(fmp_trace_end(&traced, 1, &g));
  OK(fmp_plan_new(g, NULL, 0, 0, &plan));
  OK(fmp_instance_new(plan, 0, &instance));
  OK(fmp_instance_run(instance, &x, 1, &out, 1));
  OK(fmp_resource_open("sdk_counter", &start, 1, &counter));
  OK(fmp_resource_save(counter, &bytes, &n));
  assert_non_null(fmp_plan_text(plan));
  assert_non_null(fmp_device_list());
  fmp_instance_release(instance);
  fmp_plan_release(plan);
  fmp_graph_release(g);
  fmp_resource_release(counter);
  drop(7, x, in, out, dx, y, loss, traced);
}

static void *in_a_thread(void *arg)
{
  use_everything();
  return arg;
}

static void nothing_is_held(void **state)
{
  (void)state;
  pthread_t thread;
  assert_int_equal(pthread_create(&thread, NULL, in_a_thread, NULL), 0);
  assert_int_equal(pthread_join(thread, NULL), 0);
  use_everything();
  assert_true(fmp_live_bytes() > 0); /* or the test below could not fail */
  fmp_shutdown();
  assert_int_equal(fmp_tensor_bytes(), 0);
  assert_int_equal(fmp_live_bytes(), 0);
  assert_int_equal(fmp_op_count(), 0);
  assert_int_equal(fmp_plugin_count(), 0);
  fmp_shutdown(); /* and there is nothing left for a second one */
  assert_int_equal(fmp_live_bytes(), 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_is_held)};
  return cmocka_run_group_tests(tests, load_sdk_plugin, NULL);
}
