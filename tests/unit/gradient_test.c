/* SPDX-License-Identifier: Apache-2.0
 * Recordings and the gradients that are built in them. */
#include "support.h"

static void only_inside_of_a_recording(void **state)
{
  (void)state;
  fmp_tensor *x = vector(1, (const float[]){3}), *dx = NULL;
  assert_int_equal(fmp_mode(), 0);
  FAILS(fmp_gradients(x, &x, 1, &dx), FMP_ESTATE, "record");
  assert_null(dx);
  fmp_record_end(NULL, 0); /* without a begin: nothing happens */
  fmp_tensor_release(x);
}

/* d sum(x*x) / dx = 2x: x is used twice, so two gradients are added up. */
static void added_up(void **state)
{
  (void)state;
  fmp_tensor *x = vector(3, (const float[]){1, -2, 3}), *dx = NULL;
  OK(fmp_record_begin());
  assert_int_equal(fmp_mode(), 1);
  fmp_tensor *square = call("mul", 2, x, x), *loss = call("sum", 1, square);
  OK(fmp_gradients(loss, &x, 1, &dx));
  fmp_tensor *const keep[] = {loss, dx};
  fmp_record_end(keep, 2);
  assert_int_equal(fmp_mode(), 0);
  NEAR(item_of(loss), 14, 0);
  expect_values(dx, 3, (const float[]){2, -4, 6}, 0);
  drop(4, x, square, loss, dx);
}

static void not_kept_is_emptied(void **state)
{
  (void)state;
  fmp_tensor *x = vector(1000, (const float[1000]){1}), *before = vector(1, (const float[]){5});
  const int64_t bytes = fmp_tensor_bytes();
  OK(fmp_record_begin());
  fmp_tensor *y = call("neg", 1, x), *z = call("exp", 1, y);
  fmp_record_end(&z, 1);
  assert_int_equal(fmp_tensor_state(y), 2);
  assert_int_equal(fmp_tensor_state(z), 0);
  NEAR(item_of(before), 5, 0); /* made outside: untouched */
  assert_int_equal(fmp_tensor_state(x), 0);
  drop(2, y, z);
  assert_int_equal(fmp_tensor_bytes(), bytes);
  drop(2, x, before);
}

static void nested_recordings_count(void **state)
{
  (void)state;
  fmp_tensor *x = vector(1, (const float[]){3}), *dx = NULL;
  OK(fmp_record_begin());
  OK(fmp_record_begin());
  fmp_tensor *y = call("square", 1, x);
  fmp_record_end(NULL, 0);
  assert_int_equal(fmp_mode(), 1);
  assert_int_equal(fmp_tensor_state(y), 0);
  OK(fmp_gradients(y, &x, 1, &dx));
  fmp_record_end(&dx, 1);
  NEAR(item_of(dx), 6, 0);
  drop(3, x, y, dx);
}

static void zeros_where_nothing_depends(void **state)
{
  (void)state;
  fmp_tensor *x = vector(2, (const float[]){1, 2}), *other = vector(3, (const float[]){1, 2, 3});
  fmp_tensor *const wrt[] = {x, other};
  fmp_tensor *dx[2] = {NULL};
  OK(fmp_record_begin());
  fmp_tensor *loss = call("sum", 1, x);
  OK(fmp_gradients(loss, wrt, 2, dx));
  fmp_record_end(dx, 2);
  expect_values(dx[0], 2, (const float[]){1, 1}, 0);
  expect_values(dx[1], 3, (const float[]){0, 0, 0}, 0);
  drop(5, x, other, loss, dx[0], dx[1]);
}

static void refused_by_name(void **state)
{
  (void)state;
  fmp_tensor *x = matrix(1, 2, (const float[]){1, 2}), *dx = NULL;
  OK(fmp_record_begin());
  OK(fmp_scope_push("net"));
  fmp_tensor *y = call("sdk_smooth", 1, x);
  fmp_scope_pop();
  fmp_tensor *loss = call("sum", 1, y);
  FAILS(fmp_gradients(loss, &x, 1, &dx), FMP_ENOGRAD, "net: sdk_smooth");
  FAILS(fmp_gradients(y, &x, 1, &dx), FMP_ESHAPE, "[1,2]"); /* a loss has one element */
  assert_null(dx);
  fmp_record_end(NULL, 0);
  drop(3, x, y, loss);
}

/* y = x^3 keeps x for its gradient; once x was written, that value is gone. */
static void written_since(void **state)
{
  (void)state;
  fmp_tensor *x = vector(1, (const float[]){2}), *dx = NULL;
  fmp_tensor *const in[] = {x};
  OK(fmp_record_begin());
  fmp_tensor *y = call("sdk_cube", 1, x);
  OK(fmp_emit(op("sdk_increment"), NULL, 0, in, 1, NULL, 0));
  FAILS(fmp_gradients(y, &x, 1, &dx), FMP_ESTATE, "sdk_cube");
  assert_null(dx);
  fmp_record_end(NULL, 0);
  drop(2, x, y);
}

/* d(scale x^3)/dx through ops of two plugins, and through broadcasting. */
static void across_plugins(void **state)
{
  (void)state;
  fmp_tensor *x = vector(2, (const float[]){1, 2}), *b = matrix(3, 2, (const float[6]){0}), *d[2];
  fmp_tensor *const wrt[] = {x, b};
  OK(fmp_record_begin());
  fmp_tensor *twice = call("sdk_double", 1, x), *cube = call("sdk_cube", 1, twice);
  fmp_tensor *wide = call("add", 2, cube, b), *loss = call("sum", 1, wide);
  OK(fmp_gradients(loss, wrt, 2, d));
  fmp_record_end(d, 2);
  expect_values(d[0], 2, (const float[]){3 * 24, 3 * 96}, 0); /* 3 rows, 24 x^2 */
  expect_values(d[1], 6, (const float[]){1, 1, 1, 1, 1, 1}, 0);
  drop(8, x, b, twice, cube, wide, loss, d[0], d[1]);
}

static void parameters_in_order_of_use(void **state)
{
  (void)state;
  fmp_tensor *w[3], *found[3] = {NULL}, *y = vector(1, (const float[]){1});
  int32_t n = 0;
  for (int i = 0; i < 3; i++) {
    w[i] = vector(1, (const float[]){2});
    fmp_tensor_set_parameter(w[i], i != 1);
  }
  OK(fmp_record_begin());
  for (int i = 2; i >= 0; i--) {
    fmp_tensor *next = call("mul", 2, y, w[i]);
    fmp_tensor_release(y);
    y = next;
  }
  OK(fmp_parameters_of(y, found, 1, &n)); /* room for less than there are */
  assert_int_equal(n, 2);
  assert_ptr_equal(found[0], w[2]);
  assert_null(found[1]);
  OK(fmp_parameters_of(y, found, 3, &n));
  assert_ptr_equal(found[1], w[0]);
  assert_int_equal(n, 2);
  fmp_record_end(NULL, 0);
  drop(4, y, w[0], w[1], w[2]);
}

/* Outside of a recording nothing is recorded, so no gradient leads through it. */
static void outside(void **state)
{
  (void)state;
  fmp_tensor *x = vector(1, (const float[]){3}), *dx = NULL;
  OK(fmp_record_begin());
  OK(fmp_outside_begin());
  assert_int_equal(fmp_mode(), 0);
  fmp_tensor *constant = call("square", 1, x);
  fmp_outside_end();
  assert_int_equal(fmp_mode(), 1);
  fmp_tensor *y = call("mul", 2, constant, x);
  OK(fmp_gradients(y, &x, 1, &dx));
  fmp_record_end(&dx, 1);
  assert_int_equal(fmp_tensor_state(constant), 0); /* a variable survives */
  NEAR(item_of(dx), 9, 0);
  drop(4, x, constant, y, dx);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(only_inside_of_a_recording),
      cmocka_unit_test(added_up),
      cmocka_unit_test(not_kept_is_emptied),
      cmocka_unit_test(nested_recordings_count),
      cmocka_unit_test(zeros_where_nothing_depends),
      cmocka_unit_test(refused_by_name),
      cmocka_unit_test(written_since),
      cmocka_unit_test(across_plugins),
      cmocka_unit_test(parameters_in_order_of_use),
      cmocka_unit_test(outside),
  };
  return cmocka_run_group_tests(tests, load_sdk_plugin, NULL);
}
