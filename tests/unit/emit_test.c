/* SPDX-License-Identifier: Apache-2.0
 * Ops executed at once: values, attributes, and every way to call them wrongly. */
#include "support.h"

#include <stdlib.h>
#include <string.h>

static void values(void **state)
{
  (void)state;
  fmp_tensor *a = matrix(2, 2, (const float[]){1, 2, 3, 4}),
             *b = vector(2, (const float[]){10, 20});
  fmp_tensor *sum = call("add", 2, a, b), *product = call("matmul", 2, a, a);
  expect_values(sum, 4, (const float[]){11, 22, 13, 24}, 0);
  expect_values(product, 4, (const float[]){7, 10, 15, 22}, 0);
  drop(4, a, b, sum, product);
}

/* Each attribute as it may be given: an integer for a number, one value for a list. */
static void attributes(void **state)
{
  (void)state;
  fmp_tensor *x = matrix(2, 3, (const float[]){1, 2, 3, 4, 5, 6});
  const fmp_attr axes = fmp_attr_i64("axes", 2), keep[] = {axes, fmp_attr_bool("keep", 1)};
  fmp_tensor *rows = call_with("sum", &axes, 1, 1, x), *kept = call_with("sum", keep, 2, 1, x);
  fmp_spec spec;
  fmp_tensor_spec(rows, &spec);
  assert_int_equal(spec.rank, 1);
  fmp_tensor_spec(kept, &spec);
  assert_int_equal(spec.rank, 2);
  expect_values(kept, 2, (const float[]){6, 15}, 0);

  const fmp_attr two = fmp_attr_i64("slope", 2); /* slope is a double */
  fmp_tensor *negative = call("neg", 1, x), *leaky = call_with("leaky_relu", &two, 1, 1, negative);
  expect_values(leaky, 6, (const float[]){-2, -4, -6, -8, -10, -12}, 0);
  drop(5, x, rows, kept, negative, leaky);
}

static fmp_status try_attr(const char *name, fmp_attr attr, fmp_tensor *x)
{
  fmp_tensor *y = NULL, *const in[] = {x};
  const fmp_status status = fmp_emit(op(name), &attr, 1, in, 1, &y, 1);
  if (status != FMP_OK) assert_null(y);
  fmp_tensor_release(y);
  return status;
}

static void wrong_attributes(void **state)
{
  (void)state;
  fmp_tensor *x = vector(2, (const float[]){1, 2}), *none = NULL;
  FAILS(try_attr("leaky_relu", fmp_attr_f64("slpoe", 1), x), FMP_ENOTFOUND, "slope");
  FAILS(try_attr("leaky_relu", fmp_attr_string("slope", "steep"), x), FMP_EINVAL, "slope");
  FAILS(try_attr("leaky_relu", fmp_attr_i64s("slope", (const int64_t[]){1, 2}, 2), x), FMP_EINVAL,
        "slope");
  FAILS(try_attr("leaky_relu", fmp_attr_of("slope", 99), x), FMP_EINVAL, "slope");
  FAILS(try_attr("cast", fmp_attr_dtype("dtype", 99), x), FMP_EINVAL, "dtype");
  FAILS(fmp_emit(op("sdk_next"), NULL, 0, NULL, 0, &none, 1), FMP_EINVAL, "counter");
  fmp_tensor_release(x);
}

static void wrong_inputs_and_outputs(void **state)
{
  (void)state;
  fmp_tensor *x = vector(2, (const float[]){1, 2}), *y[3] = {NULL};
  fmp_tensor *const in[] = {x, x, x}, *const absent[] = {x, NULL};
  FAILS(fmp_emit(op("add"), NULL, 0, in, 1, y, 1), FMP_EINVAL, "add");
  FAILS(fmp_emit(op("add"), NULL, 0, in, 3, y, 1), FMP_EINVAL, "add");
  FAILS(fmp_emit(op("add"), NULL, 0, absent, 2, y, 1), FMP_EINVAL, "b");
  FAILS(fmp_emit(op("add"), NULL, 0, in, 2, y, 2), FMP_EINVAL, "add");
  FAILS(fmp_emit(op("add"), NULL, 0, in, -1, y, 1), FMP_EINVAL, "add");
  FAILS(fmp_emit(op("add"), NULL, 0, in, 2, y, -1), FMP_EINVAL, "add");
  assert_null(y[0]);
  OK(fmp_emit(op("add"), NULL, 0, in, 2, NULL, 0)); /* nobody wants it */
  fmp_tensor_release(x);
}

static void variadic(void **state)
{
  (void)state;
  fmp_tensor *x = vector(2, (const float[]){1, 2}), *none = NULL;
  const fmp_attr axis = fmp_attr_i64("axis", 1);
  for (int n = 1; n <= 3; n++) {
    fmp_tensor *const in[] = {x, x, x};
    fmp_tensor *y = NULL;
    fmp_spec spec;
    OK(fmp_emit(op("concat"), &axis, 1, in, n, &y, 1));
    fmp_tensor_spec(y, &spec);
    assert_int_equal(spec.shape[0], 2 * n);
    fmp_tensor_release(y);
  }
  FAILS(fmp_emit(op("concat"), &axis, 1, NULL, 0, &none, 1), FMP_EINVAL, "concat");
  fmp_tensor_release(x);
}

/* Several variadic inputs repeat in turn: lr, w1, m1, g1, w2, m2, g2. What is absent keeps
 * its place, and a group comes whole. */
static void variadic_in_turn(void **state)
{
  (void)state;
  fmp_tensor *lr = vector(1, (const float[]){2}), *rate = NULL;
  fmp_tensor *w = vector(2, (const float[]){1, 2}), *g = vector(2, (const float[]){3, 4});
  fmp_tensor *v = matrix(1, 3, (const float[]){5, 6, 7}),
             *h = matrix(1, 3, (const float[]){1, 1, 1});
  fmp_tensor *m = vector(2, (const float[]){0, 0}), *n = matrix(1, 3, (const float[]){1, 2, 3});
  const fmp_attr shape = fmp_attr_i64s("shape", NULL, 0), momentum = fmp_attr_f64("momentum", 0.5);
  rate = call_with("reshape", &shape, 1, 1, lr);
  fmp_tensor *const plain[] = {rate, w, NULL, g, v, NULL, h}, *const with[] = {rate, w, m, g,
                                                                               v,    n, h};
  OK(fmp_emit(op("sgd_all"), NULL, 0, plain, 7, NULL, 0));
  expect_values(w, 2, (const float[]){-5, -6}, 0);
  expect_values(v, 3, (const float[]){3, 4, 5}, 0);
  OK(fmp_emit(op("sgd_all"), &momentum, 1, with, 7, NULL, 0));
  expect_values(n, 3, (const float[]){1.5F, 2, 2.5F}, 0);
  expect_values(v, 3, (const float[]){0, 0, 0}, 0);
  OK(fmp_emit(op("sgd_all"), NULL, 0, plain, 4, NULL, 0));
  for (int32_t count = 0; count < 7; count++) {
    if (count == 4) continue;
    FAILS(
        fmp_emit(op("sgd_all"), NULL, 0, plain, count, NULL, 0), FMP_EINVAL,
        "sgd_all: expected 4 inputs or a multiple of 3 more (lr, w!..., m?!..., g...) -> (), got");
  }
  fmp_tensor *const absent[] = {rate, w, NULL, g, NULL, NULL, h};
  FAILS(fmp_emit(op("sgd_all"), NULL, 0, absent, 7, NULL, 0), FMP_EINVAL, "input w is missing");
  drop(8, lr, rate, w, g, v, h, m, n);
}

/* An error says where: scopes, then the op, then what was expected and what came. */
static void errors_say_where(void **state)
{
  (void)state;
  fmp_tensor *a = matrix(2, 3, (const float[6]){0}), *b = matrix(2, 3, (const float[6]){0});
  fmp_tensor *const in[] = {a, b};
  fmp_tensor *y = NULL;
  OK(fmp_scope_push("net"));
  OK(fmp_scope_push("3"));
  assert_string_equal(fmp_scope_path(), "net/3");
  FAILS(fmp_emit(op("matmul"), NULL, 0, in, 2, &y, 1), FMP_ESHAPE, "net/3: matmul: expected");
  fmp_scope_pop();
  FAILS(fmp_emit(op("matmul"), NULL, 0, in, 2, &y, 1), FMP_ESHAPE, "net: matmul: expected");
  fmp_scope_pop();
  assert_string_equal(fmp_scope_path(), "");
  FAILS(fmp_emit(op("matmul"), NULL, 0, in, 2, &y, 1), FMP_ESHAPE, "[2,3]");
  assert_memory_equal(fmp_last_error(), "matmul: ", 8);
  fmp_scope_pop(); /* at the top: nothing happens */
  drop(2, a, b);
}

static void deep_scopes(void **state)
{
  (void)state;
  int depth = 0;
  while (depth < 10000 && fmp_scope_push("a_scope_with_a_long_name") == FMP_OK) depth++;
  assert_true(depth >= 16);
  fmp_tensor *x = vector(1, (const float[]){1}), *y = call("neg", 1, x);
  drop(2, x, y);
  while (depth-- > 0) fmp_scope_pop();
  assert_string_equal(fmp_scope_path(), "");
}

/* An optional output that is not asked for is not computed; asking changes nothing else. */
static void optional_outputs(void **state)
{
  (void)state;
  const fmp_spec spec = spec_of(FMP_F32, 4, (const int64_t[]){1, 2, 2, 1});
  const float pixels[] = {1, 4, 3, 2};
  const fmp_attr window = fmp_attr_i64s("window", (const int64_t[]){2, 2}, 2);
  fmp_tensor *x = NULL, *y[2] = {NULL};
  OK(fmp_tensor_from(NULL, &spec, pixels, sizeof pixels, &x));
  fmp_tensor *const in[] = {x};
  for (int32_t n_out = 1; n_out <= 2; n_out++) {
    OK(fmp_emit(op("max_pool"), &window, 1, in, 1, y, n_out));
    NEAR(item_of(y[0]), 4, 0);
    drop(2, y[0], y[1]);
    y[0] = y[1] = NULL;
  }
  fmp_tensor_release(x);
}

static void writes_arrive(void **state)
{
  (void)state;
  fmp_tensor *x = vector(2, (const float[]){1, 2});
  fmp_tensor *const in[] = {x};
  OK(fmp_emit(op("sdk_increment"), NULL, 0, in, 1, NULL, 0));
  OK(fmp_emit(op("sdk_increment"), NULL, 0, in, 1, NULL, 0));
  expect_values(x, 2, (const float[]){3, 4}, 0);
  fmp_tensor_release(x);
}

/* Every kernel must agree with the reference: forcing one is how that is tested. */
static void forced_kernels(void **state)
{
  (void)state;
  OK(fmp_kernel_force("ref"));
  fmp_tensor *a = matrix(2, 2, (const float[]){1, 2, 3, 4}), *product = call("matmul", 2, a, a);
  expect_values(product, 4, (const float[]){7, 10, 15, 22}, 0);
  OK(fmp_kernel_force(NULL));
  drop(2, a, product);
}

/* Strided views: what transposes and slices yield is read in the right order. */
static void views_of_views(void **state)
{
  (void)state;
  fmp_tensor *x = matrix(2, 3, (const float[]){1, 2, 3, 4, 5, 6});
  fmp_tensor *t = call("transpose", 1, x), *n = call("neg", 1, t), *back = call("transpose", 1, n);
  expect_values(t, 6, (const float[]){1, 4, 2, 5, 3, 6}, 0);
  expect_values(n, 6, (const float[]){-1, -4, -2, -5, -3, -6}, 0);
  expect_values(back, 6, (const float[]){-1, -2, -3, -4, -5, -6}, 0);
  const fmp_attr shape = fmp_attr_i64s("shape", (const int64_t[]){6}, 1);
  fmp_tensor *flat = call_with("reshape", &shape, 1, 1, t); /* not possible without a copy */
  expect_values(flat, 6, (const float[]){1, 4, 2, 5, 3, 6}, 0);
  drop(5, x, t, n, back, flat);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(values),           cmocka_unit_test(attributes),
      cmocka_unit_test(wrong_attributes), cmocka_unit_test(wrong_inputs_and_outputs),
      cmocka_unit_test(variadic),         cmocka_unit_test(variadic_in_turn),
      cmocka_unit_test(errors_say_where), cmocka_unit_test(deep_scopes),
      cmocka_unit_test(optional_outputs), cmocka_unit_test(writes_arrive),
      cmocka_unit_test(forced_kernels),   cmocka_unit_test(views_of_views),
  };
  return cmocka_run_group_tests(tests, load_sdk_plugin, NULL);
}
