/* SPDX-License-Identifier: Apache-2.0
 * Gradients and rewrites of plugins that misuse the builder, see tests/plugin/hostile/
 * builder.c: an error each, which names the op or the rewrite, and the process goes on. */
#include "support.h"

#include <string.h>

enum { WAYS = 10, GRADIENT_WAYS = 12, ZERO = 13 };

static fmp_tensor *emit_how(const char *name, int64_t how, fmp_tensor *x)
{
  const fmp_attr attr = fmp_attr_i64("how", how);
  return call_with(name, &attr, 1, 1, x);
}

/* 1 if a failure is one of ours, in one line with `name` in it. */
static int proper(fmp_status status, const char *name, int64_t how)
{
  const char *text = fmp_last_error();
  if (status > FMP_OK && status < FMP_STATUS_COUNT && strstr(text, name) && !strchr(text, '\n'))
    return 1;
  print_error("way %d: status %d: %s\n", (int)how, (int)status, text);
  return 0;
}

/* -- gradients ------------------------------------------------------------- */

static fmp_status differentiate(int64_t how, fmp_tensor *x, fmp_tensor **dx)
{
  OK(fmp_record_begin());
  fmp_tensor *y = emit_how("hostile_differentiated", how, x), *loss = call("sum", 1, y);
  const fmp_status status = fmp_gradients(loss, &x, 1, dx);
  fmp_record_end(dx, status == FMP_OK);
  drop(2, y, loss);
  return status;
}

static void gradients(void **state)
{
  (void)state;
  fmp_tensor *x = vector(2, (const float[]){1, 2}), *dx = NULL;
  OK(differentiate(0, x, &dx));
  expect_values(dx, 2, (const float[]){1, 1}, 0);
  drop(1, dx);
  int wrong = 0;
  for (int64_t how = 1; how <= GRADIENT_WAYS; how++) {
    const int64_t tensors = fmp_tensor_bytes();
    wrong += !proper(differentiate(how, x, &dx), "gradient of hostile_differentiated", how);
    assert_null(dx);
    assert_int_equal(fmp_mode(), 0);
    assert_string_equal(fmp_scope_path(), "");
    assert_int_equal(fmp_tensor_bytes(), tensors);
  }
  assert_int_equal(wrong, 0);
  FAILS(differentiate(11, x, &dx), FMP_EPLUGIN, "did not set the gradient for input x (number 0)");
  FAILS(differentiate(12, x, &dx), FMP_EPLUGIN, "sets the gradient for input x (number 0) twice");
  OK(differentiate(ZERO, x, &dx));
  expect_values(dx, 2, (const float[]){0, 0}, 0);
  drop(2, x, dx);
}

/* -- rewrites -------------------------------------------------------------- */

static fmp_status trace_and_plan(int64_t how, uint32_t flags)
{
  const fmp_spec spec = vector_spec(FMP_F32, 2);
  fmp_tensor *x = NULL;
  fmp_graph *g = NULL;
  fmp_plan *plan = NULL;
  OK(fmp_trace_begin(NULL, &spec, 1, flags, &x));
  fmp_tensor *y = emit_how("hostile_rewritten", how, x);
  fmp_status status = fmp_trace_end(&y, 1, &g);
  if (status == FMP_OK) status = fmp_plan_new(g, NULL, 0, flags, &plan);
  drop(2, x, y);
  if (g) fmp_graph_release(g);
  if (plan) fmp_plan_release(plan);
  return status;
}

static void rewrites(void **state)
{
  (void)state;
  OK(trace_and_plan(0, 0));
  int wrong = 0;
  for (int64_t how = 1; how <= WAYS; how++) {
    OK(trace_and_plan(how, FMP_NO_REWRITES));
    const int64_t live = fmp_live_bytes();
    wrong += !proper(trace_and_plan(how, 0), "rewrite hostile_rewrite", how);
    assert_int_equal(fmp_mode(), 0);
    assert_int_equal(fmp_live_bytes(), live);
  }
  assert_int_equal(wrong, 0);
}

static int load_hostile(void **state)
{
  if (load_plugins(state) != 0) return -1;
  return fmp_plugin_load(FMP_TEST_PLUGINS "/hostile/fmp_builder.so") == FMP_OK ? 0 : -1;
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(gradients),
      cmocka_unit_test(rewrites),
  };
  return cmocka_run_group_tests(tests, load_hostile, NULL);
}
