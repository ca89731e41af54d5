/* SPDX-License-Identifier: Apache-2.0
 * Resources: opened, used by ops, saved, restored, and closed with their last reference. */
#include "support.h"

#include <stdlib.h>
#include <string.h>

static fmp_resource *counter_from(int64_t start)
{
  const fmp_attr attrs[] = {fmp_attr_i64("start", start), fmp_attr_i64("stride", 2)};
  fmp_resource *r = NULL;
  OK(fmp_resource_open("sdk_counter", attrs, 2, &r));
  return r;
}

static fmp_attr attr_of(fmp_resource *r)
{
  fmp_attr a = fmp_attr_of("counter", FMP_ATTR_RESOURCE);
  a.value.resource = r;
  return a;
}

static double next_of(fmp_resource *r)
{
  const fmp_attr a = attr_of(r);
  fmp_tensor *y = call_with("sdk_next", &a, 1, 0);
  const double value = item_of(y);
  fmp_tensor_release(y);
  return value;
}

static void described(void **state)
{
  (void)state;
  fmp_resource_info info = {.struct_size = sizeof info};
  fmp_attr_info attr = {.struct_size = sizeof attr};
  int found = -1;
  for (int32_t i = 0; i < fmp_resource_kinds(); i++) {
    OK(fmp_resource_describe(i, &info));
    if (strcmp(info.name, "sdk_counter") == 0) found = i;
  }
  assert_int_not_equal(found, -1);
  OK(fmp_resource_describe(found, &info));
  assert_int_equal(info.n_attr, 2);
  assert_string_equal(info.plugin, "sdktest");
  OK(fmp_resource_attr(found, 1, &attr));
  assert_string_equal(attr.name, "stride");
  assert_string_equal(attr.default_text, "1");
  assert_int_not_equal(fmp_resource_attr(found, 2, &attr), FMP_OK);
  assert_int_not_equal(fmp_resource_describe(fmp_resource_kinds(), &info), FMP_OK);
  assert_int_not_equal(fmp_resource_describe(-1, &info), FMP_OK);
}

static void wrongly_opened(void **state)
{
  (void)state;
  fmp_resource *r = NULL;
  const fmp_attr misspelt = fmp_attr_i64("strat", 1), wrong = fmp_attr_string("start", "soon");
  FAILS(fmp_resource_open("sdk_cuonter", NULL, 0, &r), FMP_ENOTFOUND, "sdk_counter");
  FAILS(fmp_resource_open("sdk_counter", &misspelt, 1, &r), FMP_ENOTFOUND, "start");
  FAILS(fmp_resource_open("sdk_counter", &wrong, 1, &r), FMP_EINVAL, "start");
  assert_null(r);
}

static void counts(void **state)
{
  (void)state;
  fmp_resource *r = counter_from(10);
  assert_string_equal(fmp_resource_name(r), "sdk_counter");
  NEAR(next_of(r), 10, 0);
  NEAR(next_of(r), 12, 0);
  fmp_resource_release(r);
}

static void saved_and_restored(void **state)
{
  (void)state;
  fmp_resource *a = counter_from(10), *b = counter_from(0);
  const void *bytes = NULL;
  int64_t n = 0;
  next_of(a);
  OK(fmp_resource_save(a, &bytes, &n));
  assert_int_equal(n, 8);
  OK(fmp_resource_restore(b, bytes, n));
  NEAR(next_of(b), 12, 0);
  NEAR(next_of(a), 12, 0);
  FAILS(fmp_resource_restore(b, "rubbish", 7), FMP_EDATA, "expected 8 bytes");
  NEAR(next_of(b), 14, 0); /* as it was */
  assert_int_not_equal(fmp_resource_restore(b, bytes, -1), FMP_OK);
  fmp_resource_release(a);
  fmp_resource_release(b);
}

/* Ops that were run keep nothing open, views included: what the thread has prepared outlives them.
 */
static void closed_with_the_last_reference(void **state)
{
  (void)state;
  static const char *const ops[] = {"sdk_next", "sdk_labelled"};
  fmp_tensor *x = vector(2, (const float[]){1, 2});
  for (int i = 0; i < 2; i++) {
    fmp_resource *r = counter_from(0);
    const fmp_attr a = attr_of(r);
    fmp_tensor *y = call_with(ops[i], &a, 1, i, x);
    fmp_tensor_release(y);
    const int64_t open = fmp_live_bytes();
    fmp_resource_release(r);
    assert_true(fmp_live_bytes() < open);
  }
  fmp_tensor_release(x);
}

static void absent(void **state)
{
  (void)state;
  const fmp_attr a = attr_of(NULL);
  fmp_tensor *y = NULL;
  FAILS(fmp_emit(op("sdk_next"), &a, 1, NULL, 0, &y, 1), FMP_EINVAL, "counter");
  assert_null(y);
}

static fmp_graph *trace_unused_next(fmp_resource *r)
{
  const fmp_attr a = attr_of(r);
  const fmp_spec spec = vector_spec(FMP_F32, 1);
  fmp_tensor *x = NULL;
  fmp_graph *g = NULL;
  OK(fmp_trace_begin(NULL, &spec, 1, 0, &x));
  OK(fmp_emit(op("sdk_next"), &a, 1, NULL, 0, NULL, 0));
  OK(fmp_trace_end(&x, 1, &g));
  fmp_tensor_release(x);
  return g;
}

/* An effect is kept although nobody reads its output; the graph holds the resource; and
 * such a graph cannot be saved. */
static void in_a_plan(void **state)
{
  (void)state;
  fmp_resource *r = counter_from(0);
  fmp_graph *g = trace_unused_next(r);
  fmp_plan *plan = NULL;
  fmp_instance *instance = NULL;
  fmp_tensor *x = vector(1, (const float[]){1});
  NEAR(next_of(r), 0, 0); /* tracing did not count */
  OK(fmp_plan_new(g, NULL, 0, 0, &plan));
  OK(fmp_instance_new(plan, 0, &instance));
  for (int i = 0; i < 3; i++) {
    fmp_tensor *y = NULL;
    OK(fmp_instance_run(instance, &x, 1, &y, 1));
    fmp_tensor_release(y);
  }
  NEAR(next_of(r), 8, 0);
  FAILS(fmp_graph_save(g, scratch_path("resource.safetensors")), FMP_EUNSUPPORTED, "sdk_");
  fmp_resource_release(r);
  fmp_tensor *y = NULL;
  OK(fmp_instance_run(instance, &x, 1, &y, 1));
  drop(2, x, y);
  fmp_instance_release(instance);
  fmp_plan_release(plan);
  fmp_graph_release(g);
}

static void memory_returns(void **state)
{
  (void)state;
  fmp_resource_release(counter_from(1)); /* whatever is made once */
  const int64_t before = fmp_live_bytes();
  fmp_resource *r = counter_from(1);
  assert_ptr_equal(fmp_resource_retain(r), r);
  fmp_resource_release(r);
  assert_true(fmp_live_bytes() > before);
  fmp_resource_release(r);
  assert_int_equal(fmp_live_bytes(), before);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(described),
      cmocka_unit_test(wrongly_opened),
      cmocka_unit_test(counts),
      cmocka_unit_test(saved_and_restored),
      cmocka_unit_test(closed_with_the_last_reference),
      cmocka_unit_test(absent),
      cmocka_unit_test(in_a_plan),
      cmocka_unit_test(memory_returns),
  };
  return cmocka_run_group_tests(tests, load_sdk_plugin, NULL);
}
