/* SPDX-License-Identifier: Apache-2.0
 * Directories of plugins: what is opened, what is refused, and which of a name counts. */
#define _POSIX_C_SOURCE 200809L /* symlink */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *hostile(const char *name)
{
  static char path[512];
  snprintf(path, sizeof path, FMP_TEST_PLUGINS "/hostile/fmp_%s.so", name);
  return path;
}

static void link_into(const char *directory, const char *target, const char *name)
{
  char path[600];
  snprintf(path, sizeof path, "%s/%s", directory, name);
  assert_int_equal(symlink(target, path), 0);
}

/* One good plugin among what is refused, skipped, or must not even be opened. */
static void directory_scan(void **state)
{
  (void)state;
  char directory[256];
  int32_t loaded = -1;
  strcpy(directory, scratch_path("plugins"));
  assert_int_equal(mkdir(directory, 0777), 0);
  link_into(directory, hostile("abi_major"), "fmp_a.so");
  link_into(directory, hostile("scanned"), "fmp_b.so");
  link_into(directory, hostile("load_half"), "fmp_c.so");
  link_into(directory, "/nowhere", "fmp_d.so");
  link_into(directory, FMP_TEST_PLUGINS "/hostile/other.so", "other.so");
  link_into(directory, FMP_TEST_PLUGINS "/hostile/other.so", "fmp_other.so.bak");
  const int32_t ops = fmp_op_count(), plugins = fmp_plugin_count();
  fmp_log_level(0);
  OK(fmp_plugin_scan(directory, &loaded));
  fmp_log_level(1);
  assert_int_equal(loaded, 1);
  assert_int_equal(fmp_op_count(), ops + 1);
  assert_int_equal(fmp_plugin_count(), plugins + 1);
  assert_null(getenv("FMP_TEST_OPENED"));
  assert_non_null(op("hostile_scanned"));
  FAILS(fmp_plugin_scan(scratch_path("missing"), &loaded), FMP_ENOTFOUND, "missing");
}

/* Scans a directory of these plugins, NULL behind the last, in this order. */
static void scan_in_order(const char *directory_name, const char *const *plugins, int32_t want)
{
  char directory[256], name[32];
  int32_t loaded = -1;
  strcpy(directory, scratch_path(directory_name));
  assert_int_equal(mkdir(directory, 0777), 0);
  for (int i = 0; plugins[i]; i++) {
    snprintf(name, sizeof name, "fmp_%c.so", 'a' + i);
    link_into(directory, hostile(plugins[i]), name);
  }
  fmp_log_level(0);
  OK(fmp_plugin_scan(directory, &loaded));
  fmp_log_level(1);
  assert_int_equal(loaded, want);
}

/* The first plugin of a name counts, also if it has to wait for another's op. */
static void first_of_a_name(void **state)
{
  (void)state;
  const fmp_op *none = NULL;
  scan_in_order("override",
                (const char *[]){"override_first", "override_second", "override_needed", NULL}, 2);
  assert_non_null(op("hostile_override_first"));
  FAILS(fmp_op_find("hostile_override_second", &none), FMP_ENOTFOUND, "");
}

/* Where it is refused, the next one of that name is taken. */
static void next_of_a_name(void **state)
{
  (void)state;
  const fmp_op *none = NULL;
  scan_in_order("namesake", (const char *[]){"gradient_unknown", "namesake", NULL}, 1);
  assert_non_null(op("hostile_namesake"));
  FAILS(fmp_op_find("hostile_gradient", &none), FMP_ENOTFOUND, "");
}

/* What was prepared before a plugin came is prepared anew: its kernel may be the better one. Last,
 * since it stays. */
static void a_kernel_that_comes_later(void **state)
{
  (void)state;
  const fmp_spec number = {.dtype = FMP_F32};
  const float minus_one = -1;
  fmp_tensor *x = NULL;
  OK(fmp_tensor_from(NULL, &number, &minus_one, sizeof minus_one, &x));
  fmp_tensor *before = call("relu", 1, x);
  NEAR(item_of(before), 0, 0);
  OK(fmp_plugin_load(hostile("better")));
  fmp_tensor *after = call("relu", 1, x);
  NEAR(item_of(after), 7, 0);
  drop(3, x, before, after);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(directory_scan),
      cmocka_unit_test(first_of_a_name),
      cmocka_unit_test(next_of_a_name),
      cmocka_unit_test(a_kernel_that_comes_later),
  };
  return cmocka_run_group_tests(tests, load_plugins, NULL);
}
