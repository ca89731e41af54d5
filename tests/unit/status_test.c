/* SPDX-License-Identifier: Apache-2.0
 * Status codes, their names, and the text that each thread keeps. */
#include "support.h"

#include <pthread.h>
#include <string.h>

static void every_status_has_a_name(void **state)
{
  (void)state;
  for (fmp_status s = 0; s < FMP_STATUS_COUNT; s++) {
    assert_memory_equal(fmp_status_name(s), "FMP_", 4);
    for (fmp_status t = 0; t < s; t++)
      assert_string_not_equal(fmp_status_name(s), fmp_status_name(t));
  }
  assert_string_equal(fmp_status_name(FMP_ESHAPE), "FMP_ESHAPE");
}

static void unknown_statuses_have_a_text(void **state)
{
  (void)state;
  const fmp_status unknown[] = {-1, FMP_STATUS_COUNT, 4711, INT32_MAX, INT32_MIN};
  for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++)
    assert_non_null(fmp_status_name(unknown[i]));
}

static void there_is_a_version(void **state)
{
  (void)state;
  assert_string_equal(fmp_version(), FMP_TEST_VERSION);
}

static void *fail_otherwise(void *arg)
{
  (void)arg;
  uint32_t dtype;
  if (fmp_dtype_find("another_thread", &dtype) == FMP_OK) return "found";
  return strstr(fmp_last_error(), "another_thread") ? NULL : "its own text is not there";
}

static void texts_belong_to_the_thread(void **state)
{
  (void)state;
  uint32_t dtype = 77;
  FAILS(fmp_dtype_find("this_thread", &dtype), FMP_EDTYPE, "this_thread");
  pthread_t thread;
  void *complaint = NULL;
  assert_int_equal(pthread_create(&thread, NULL, fail_otherwise, NULL), 0);
  pthread_join(thread, &complaint);
  assert_null(complaint);
  assert_non_null(strstr(fmp_last_error(), "this_thread"));
  assert_int_equal(dtype, 77); /* results are set on FMP_OK only */
}

static void long_names_do_not_overrun(void **state)
{
  (void)state;
  static char name[100000];
  uint32_t dtype;
  memset(name, 'x', sizeof name - 1);
  assert_int_equal(fmp_dtype_find(name, &dtype), FMP_EDTYPE);
  assert_true(strlen(fmp_last_error()) < sizeof name);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_status_has_a_name),      cmocka_unit_test(there_is_a_version),
      cmocka_unit_test(unknown_statuses_have_a_text), cmocka_unit_test(texts_belong_to_the_thread),
      cmocka_unit_test(long_names_do_not_overrun),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
