/* SPDX-License-Identifier: Apache-2.0
 * Data types by name and size, specs as text. */
#include "support.h"

#include <string.h>

static const struct {
  uint32_t dtype;
  const char *name;
  int64_t bytes;
} dtypes[] = {{FMP_F32, "f32", 4}, {FMP_F64, "f64", 8}, {FMP_BF16, "bf16", 2}, {FMP_F16, "f16", 2},
              {FMP_U8, "u8", 1},   {FMP_I32, "i32", 4}, {FMP_I64, "i64", 8}};

static void names_and_sizes(void **state)
{
  (void)state;
  for (size_t i = 0; i < sizeof dtypes / sizeof dtypes[0]; i++) {
    uint32_t found = 0;
    OK(fmp_dtype_find(dtypes[i].name, &found));
    assert_int_equal(found, dtypes[i].dtype);
    assert_string_equal(fmp_dtype_name(found), dtypes[i].name);
    assert_int_equal(fmp_dtype_size(found), dtypes[i].bytes);
  }
  assert_int_equal(sizeof dtypes / sizeof dtypes[0], FMP_DTYPE_COUNT - 1);
}

static void unknown_types(void **state)
{
  (void)state;
  const uint32_t unknown[] = {FMP_NONE, FMP_DTYPE_COUNT, 99, UINT32_MAX};
  for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
    assert_null(fmp_dtype_name(unknown[i]));
    assert_int_equal(fmp_dtype_size(unknown[i]), 0);
  }
  uint32_t dtype;
  FAILS(fmp_dtype_find("bf61", &dtype), FMP_EDTYPE, "bf16");
  FAILS(fmp_dtype_find("", &dtype), FMP_EDTYPE, "f32");
}

static void specs_as_text(void **state)
{
  (void)state;
  char text[FMP_SPEC_TEXT];
  const fmp_spec images = spec_of(FMP_F32, 4, (const int64_t[]){8, 36, 36, 3});
  const fmp_spec number = spec_of(FMP_I64, 0, NULL);
  const fmp_spec absent = {0};
  assert_string_equal(fmp_spec_text(&images, text), "f32 [8,36,36,3]");
  assert_string_equal(fmp_spec_text(&number, text), "i64 []");
  assert_true(strlen(fmp_spec_text(&absent, text)) > 0);
}

/* Whatever a spec holds, its text fits. */
static void text_of_hostile_specs_fits(void **state)
{
  (void)state;
  const uint32_t ranks[] = {0, 1, 8, 9, 1000, UINT32_MAX}, types[] = {FMP_BF16, 99, UINT32_MAX};
  for (size_t r = 0; r < 6; r++)
    for (size_t d = 0; d < 3; d++) {
      char text[FMP_SPEC_TEXT + 1];
      fmp_spec spec = {.dtype = types[d], .rank = ranks[r]};
      for (int i = 0; i < FMP_MAX_RANK; i++) spec.shape[i] = INT64_MIN;
      text[FMP_SPEC_TEXT] = '!';
      assert_true(strlen(fmp_spec_text(&spec, text)) < FMP_SPEC_TEXT);
      assert_int_equal(text[FMP_SPEC_TEXT], '!');
    }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(names_and_sizes),
      cmocka_unit_test(unknown_types),
      cmocka_unit_test(specs_as_text),
      cmocka_unit_test(text_of_hostile_specs_fits),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
