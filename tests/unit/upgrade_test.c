/* SPDX-License-Identifier: Apache-2.0
 * Graphs that an older version of an op saved; see tests/plugin/versioned. */
#define _GNU_SOURCE /* memmem */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A graph of versioned_scale with factor 2.5, saved; then each `from` in the file replaced by `to`,
 * of the same length, and loaded. */
static fmp_status load_as(const char *const *replacements, fmp_graph **g)
{
  const fmp_attr factor = fmp_attr_f64("factor", 2.5);
  const fmp_spec spec = vector_spec(FMP_F32, 2);
  fmp_tensor *x = NULL;
  size_t n;
  OK(fmp_trace_begin(NULL, &spec, 1, 0, &x));
  fmp_tensor *y = call_with("versioned_scale", &factor, 1, 1, x);
  OK(fmp_trace_end(&y, 1, g));
  const char *path = scratch_path("versioned.safetensors");
  OK(fmp_graph_save(*g, path));
  fmp_graph_release(*g);
  *g = NULL;
  drop(2, x, y);
  unsigned char *bytes = read_file(path, &n);
  for (; *replacements; replacements += 2) {
    const size_t length = strlen(replacements[0]);
    assert_int_equal(strlen(replacements[1]), length);
    char *at = memmem(bytes, n, replacements[0], length);
    if (!at) fail_msg("the file has no %s", replacements[0]);
    memcpy(at, replacements[1], length);
  }
  write_file(path, bytes, n);
  free(bytes);
  return fmp_graph_load(path, NULL, g);
}

#define VERSION(n) "\\\"version\\\":3", "\\\"version\\\":" n
#define FACTOR     "\\\"factor\\\":\\\"2.5\\\""

static void expect_factor(const char *const *replacements, float factor)
{
  fmp_graph *g = NULL;
  fmp_plan *plan = NULL;
  fmp_instance *instance = NULL;
  fmp_tensor *x = vector(2, (const float[]){1, -2}), *y = NULL;
  OK(load_as(replacements, &g));
  OK(fmp_plan_new(g, NULL, 0, 0, &plan));
  OK(fmp_instance_new(plan, 0, &instance));
  OK(fmp_instance_run(instance, &x, 1, &y, 1));
  expect_values(y, 2, (const float[]){factor, -2 * factor}, 0);
  fmp_instance_release(instance);
  fmp_plan_release(plan);
  fmp_graph_release(g);
  drop(2, x, y);
}

static void older_versions_run(void **state)
{
  (void)state;
  expect_factor((const char *[]){NULL}, 2.5F);
  expect_factor((const char *[]){VERSION("2"), NULL}, 2.5F);
  expect_factor((const char *[]){VERSION("1"), FACTOR, "\\\"gained\\\":\\\"150\\\"", NULL}, 1.5F);
}

static void others_are_refused(void **state)
{
  (void)state;
  static const struct {
    const char *replacements[5];
    const char *text;
  } rows[] = {
      {{VERSION("0")}, "saved with version 0 of op versioned_scale, this one runs versions 1 to 3"},
      {{VERSION("4")}, "version 4"},
      {{VERSION("1")}, "upgrade of op versioned_scale: expected an attribute 'gained'"},
      {{VERSION("1"), FACTOR, "\\\"gained\\\":\\\"x50\\\""},
       "gained: expected a number, got 'x50'"},
      {{FACTOR, "\\\"gained\\\":\\\"150\\\""}, "no attribute 'gained'"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    fmp_graph *g = NULL;
    const fmp_status status = load_as(rows[i].replacements, &g);
    if (status == FMP_OK || !strstr(fmp_last_error(), rows[i].text))
      fail_msg("row %d: %s: %s", (int)i, fmp_status_name(status), fmp_last_error());
    assert_null(g);
  }
}

/* Nothing is held after any failure on the way. */
static void every_allocation_may_fail(void **state)
{
  (void)state;
  const char *const first[] = {VERSION("1"), FACTOR, "\\\"gained\\\":\\\"150\\\"", NULL};
  fmp_graph *g = NULL;
  OK(load_as(first, &g)); /* leaves the changed file */
  fmp_graph_release(g);
  const char *path = scratch_path("versioned.safetensors");
  for (int64_t after = 0;; after++) {
    const int64_t live = fmp_live_bytes();
    g = NULL;
    fmp_fail_allocation(after);
    const fmp_status status = fmp_graph_load(path, NULL, &g);
    fmp_fail_allocation(-1);
    if (status == FMP_OK) break;
    assert_int_equal(status, FMP_ENOMEM);
    assert_int_equal(fmp_live_bytes(), live);
  }
  fmp_graph_release(g);
}

static int load_versioned(void **state)
{
  if (load_plugins(state) != 0) return -1;
  return fmp_plugin_load(FMP_TEST_PLUGINS "/versioned/fmp_versioned.so") == FMP_OK ? 0 : -1;
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(older_versions_run),
      cmocka_unit_test(others_are_refused),
      cmocka_unit_test(every_allocation_may_fail),
  };
  return cmocka_run_group_tests(tests, load_versioned, NULL);
}
