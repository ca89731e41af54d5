/* SPDX-License-Identifier: Apache-2.0
 * Tensors: made, read, written, counted, emptied. */
#include "support.h"

#include <math.h>
#include <string.h>

static void bytes_go_in_and_out(void **state)
{
  (void)state;
  const float values[] = {1, -2, 3.5F, 0, 1e-30F, 6};
  fmp_tensor *t = matrix(2, 3, values);
  fmp_spec spec;
  fmp_tensor_spec(t, &spec);
  assert_int_equal(spec.dtype, FMP_F32);
  assert_int_equal(spec.rank, 2);
  assert_int_equal(spec.shape[0], 2);
  assert_int_equal(spec.shape[1], 3);
  assert_int_equal(spec.shape[2], 0); /* beyond rank: zero */
  assert_int_equal(fmp_tensor_state(t), 0);
  expect_values(t, 6, values, 0);

  const float others[] = {6, 5, 4, 3, 2, 1};
  OK(fmp_tensor_write(t, others, sizeof others));
  expect_values(t, 6, others, 0);
  fmp_tensor_release(t);
}

static void byte_counts_must_be_exact(void **state)
{
  (void)state;
  float values[6] = {0};
  fmp_tensor *t = matrix(2, 3, values), *none = NULL;
  const fmp_spec spec = matrix_spec(FMP_F32, 2, 3);
  const int64_t wrong[] = {-1, 0, 23, 25, INT64_MAX};
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    FAILS(fmp_tensor_read(t, values, wrong[i]), FMP_EINVAL, "24");
    FAILS(fmp_tensor_write(t, values, wrong[i]), FMP_EINVAL, "24");
    FAILS(fmp_tensor_from(NULL, &spec, values, wrong[i], &none), FMP_EINVAL, "24");
    assert_null(none);
  }
  fmp_tensor_release(t);
}

/* Impossible shapes, which must be refused before anything is multiplied. */
static void impossible_specs(void **state)
{
  (void)state;
  fmp_spec bad[] = {
      vector_spec(FMP_F32, -1),
      vector_spec(FMP_F64, INT64_MAX),
      matrix_spec(FMP_F32, INT64_C(1) << 32, INT64_C(1) << 32),
      spec_of(FMP_F32, 3, (const int64_t[]){INT64_C(1) << 31, INT64_C(1) << 31, 4}),
      spec_of(FMP_F32, 3, (const int64_t[]){INT64_MAX, INT64_MAX, 0}),
      vector_spec(FMP_NONE, 1),
      vector_spec(99, 1),
      vector_spec(FMP_F32, 1),
  };
  bad[7].rank = FMP_MAX_RANK + 1;
  const int64_t before = fmp_live_bytes();
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    fmp_tensor *t = NULL;
    assert_int_not_equal(fmp_tensor_new(NULL, &bad[i], &t), FMP_OK);
    assert_null(t);
    assert_true(strlen(fmp_last_error()) > 0);
  }
  assert_int_equal(fmp_live_bytes(), before);
}

/* 2^60 bytes are a possible shape, but no machine has them. */
static void more_than_there_is(void **state)
{
  (void)state;
  const fmp_spec spec = vector_spec(FMP_U8, INT64_C(1) << 60);
  fmp_tensor *t = NULL;
  FAILS(fmp_tensor_new(NULL, &spec, &t), FMP_ENOMEM, "");
  assert_null(t);
}

static void no_elements(void **state)
{
  (void)state;
  const fmp_spec spec = matrix_spec(FMP_F32, 0, 5);
  fmp_tensor *t = NULL;
  double value;
  OK(fmp_tensor_from(NULL, &spec, NULL, 0, &t));
  OK(fmp_tensor_read(t, NULL, 0));
  FAILS(fmp_tensor_item(t, &value), FMP_ESHAPE, "");
  fmp_tensor_release(t);
}

static void numbers_of_every_type(void **state)
{
  (void)state;
  const uint32_t types[] = {FMP_F32, FMP_F64, FMP_BF16, FMP_F16, FMP_U8, FMP_I32, FMP_I64};
  for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
    for (double value = 0; value <= 200; value += 40) {
      fmp_tensor *t = NULL;
      OK(fmp_tensor_number(NULL, types[i], value, &t));
      NEAR(item_of(t), value, 0);
      fmp_tensor_release(t);
    }
}

/* bf16 and f16 keep the nearest value, ties to even. */
static void halves_are_rounded(void **state)
{
  (void)state;
  const struct {
    uint32_t dtype;
    double value, want;
  } rows[] = {
      {FMP_BF16, 1.00390625, 1.0},      /* 1 + 2^-8: halfway, to even */
      {FMP_BF16, 1.01171875, 1.015625}, /* 1 + 3 * 2^-8: halfway, to even */
      {FMP_BF16, -3.14159265, -3.140625},
      {FMP_F16, 1.00048828125, 1.0},                           /* 1 + 2^-11: halfway, to even */
      {FMP_F16, 65504, 65504},                                 /* the largest */
      {FMP_F16, 5.9604644775390625e-8, 5.9604644775390625e-8}, /* the smallest */
      {FMP_F16, 1e6, INFINITY},
      {FMP_BF16, 1e39, INFINITY},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    fmp_tensor *t = NULL;
    OK(fmp_tensor_number(NULL, rows[i].dtype, rows[i].value, &t));
    if (isinf(rows[i].want))
      assert_true(isinf(item_of(t)));
    else
      NEAR(item_of(t), rows[i].want, 0);
    fmp_tensor_release(t);
  }
}

static void item_wants_one_element(void **state)
{
  (void)state;
  fmp_tensor *one = matrix(1, 1, (const float[]){42}), *two = vector(2, (const float[]){1, 2});
  double value = -1;
  OK(fmp_tensor_item(one, &value));
  NEAR(value, 42, 0);
  FAILS(fmp_tensor_item(two, &value), FMP_ESHAPE, "[2]");
  NEAR(value, 42, 0);
  drop(2, one, two);
}

static void references(void **state)
{
  (void)state;
  const int64_t before = fmp_tensor_bytes();
  fmp_tensor *t = vector(1000, (float[1000]){0});
  assert_true(fmp_tensor_bytes() >= before + 4000);
  assert_ptr_equal(fmp_tensor_retain(t), t);
  fmp_tensor_release(t);
  assert_true(fmp_tensor_bytes() >= before + 4000);
  fmp_tensor_release(t);
  assert_int_equal(fmp_tensor_bytes(), before);
  fmp_tensor_release(NULL);
}

static void emptied_at_once(void **state)
{
  (void)state;
  const int64_t before = fmp_tensor_bytes();
  float values[2];
  fmp_tensor *t = vector(2, (const float[]){1, 2}), *y = NULL;
  fmp_tensor_empty(t);
  assert_int_equal(fmp_tensor_bytes(), before);
  assert_int_equal(fmp_tensor_state(t), 2);
  FAILS(fmp_tensor_read(t, values, sizeof values), FMP_ESTATE, "");
  fmp_tensor *const in[] = {t};
  FAILS(fmp_emit(op("neg"), NULL, 0, in, 1, &y, 1), FMP_ESTATE, "neg");
  assert_null(y);
  fmp_tensor_empty(t);
  fmp_tensor_release(t);
}

static void names_and_parameters(void **state)
{
  (void)state;
  fmp_tensor *t = vector(1, (const float[]){0});
  char name[] = "conv1/w";
  assert_null(fmp_tensor_name(t));
  OK(fmp_tensor_set_name(t, name));
  name[0] = '!'; /* it was copied */
  assert_string_equal(fmp_tensor_name(t), "conv1/w");
  assert_false(fmp_tensor_is_parameter(t));
  fmp_tensor_set_parameter(t, 1);
  assert_true(fmp_tensor_is_parameter(t));
  fmp_tensor_set_parameter(t, 0);
  assert_false(fmp_tensor_is_parameter(t));
  fmp_tensor_release(t);
}

static void same_device_is_the_same_tensor(void **state)
{
  (void)state;
  fmp_tensor *t = vector(1, (const float[]){7}), *same = NULL;
  OK(fmp_tensor_to(t, fmp_tensor_device(t), &same));
  assert_ptr_equal(t, same);
  drop(2, t, same);
}

/* A tensor may reuse the memory of a former one, but nothing else of it. */
static void nothing_stays_of_former_tensors(void **state)
{
  (void)state;
  int64_t live = 0, bytes = 0; /* after a round that filled whatever is cached */
  const float values[] = {1, 2, 3, 4, 5, 6};
  for (int round = 0; round < 3; round++) {
    fmp_tensor *t = matrix(2, 3, values), *turned = call("transpose", 1, t);
    fmp_tensor_set_parameter(t, 1);
    OK(fmp_tensor_set_name(t, "weights"));
    fmp_tensor *plain = matrix(2, 3, values);
    fmp_tensor_set_parameter(plain, 1);
    drop(2, t, plain);
    fmp_tensor *u = vector(2, values); /* while the view keeps t's memory */
    assert_false(fmp_tensor_is_parameter(u));
    assert_null(fmp_tensor_name(u));
    expect_values(turned, 6, (const float[]){1, 4, 2, 5, 3, 6}, 0);
    fmp_tensor_release(turned);
    fmp_tensor *v = matrix(3, 1, values); /* where the view was */
    fmp_spec spec;
    fmp_tensor_spec(v, &spec);
    assert_int_equal(spec.rank, 2);
    assert_int_equal(spec.shape[0], 3);
    assert_int_equal(spec.shape[2], 0);
    assert_int_equal(fmp_tensor_state(v), 0);
    expect_values(v, 3, values, 0);
    expect_values(u, 2, values, 0);
    drop(2, u, v);
    if (round == 0) live = fmp_live_bytes(), bytes = fmp_tensor_bytes();
    assert_int_equal(fmp_live_bytes(), live);
    assert_int_equal(fmp_tensor_bytes(), bytes);
  }
}

/* As a garbage collector does: many at a time, more than are kept for reuse. */
static void thousands_at_a_time(void **state)
{
  (void)state;
  enum { MANY = 20000 };
  static fmp_tensor *all[MANY];
  const int64_t live = fmp_live_bytes();
  for (int round = 0; round < 2; round++) {
    for (int i = 0; i < MANY; i++) OK(fmp_tensor_number(NULL, FMP_F32, i, &all[i]));
    for (int i = 0; i < MANY; i += 997) NEAR(item_of(all[i]), i, 0);
    for (int i = 0; i < MANY; i++) fmp_tensor_release(all[i]);
    assert_int_equal(fmp_live_bytes(), live);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(bytes_go_in_and_out),
      cmocka_unit_test(byte_counts_must_be_exact),
      cmocka_unit_test(impossible_specs),
      cmocka_unit_test(more_than_there_is),
      cmocka_unit_test(no_elements),
      cmocka_unit_test(numbers_of_every_type),
      cmocka_unit_test(halves_are_rounded),
      cmocka_unit_test(item_wants_one_element),
      cmocka_unit_test(references),
      cmocka_unit_test(emptied_at_once),
      cmocka_unit_test(names_and_parameters),
      cmocka_unit_test(same_device_is_the_same_tensor),
      cmocka_unit_test(nothing_stays_of_former_tensors),
      cmocka_unit_test(thousands_at_a_time),
  };
  return cmocka_run_group_tests(tests, load_plugins, NULL);
}
