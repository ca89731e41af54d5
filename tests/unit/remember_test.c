/* SPDX-License-Identifier: Apache-2.0
 * Ops that fail inside a recording or a trace: they have no effect, and leave nothing in the
 * graph. */
#include "support.h"

enum { N = 3, MOST_ALLOCATIONS = 1000 };

static fmp_tensor *numbers(void)
{
  const float values[N] = {1, 2, 3};
  return vector(N, values);
}

/* w -= 1; the rate and the gradient are made once, outside. */
static fmp_status decrement(fmp_tensor *w)
{
  static fmp_tensor *ones, *rate;
  const float one[N] = {1, 1, 1};
  OK(fmp_outside_begin());
  if (!ones) ones = vector(N, one);
  if (!rate) OK(fmp_tensor_number(NULL, FMP_F32, 1, &rate));
  fmp_outside_end();
  fmp_tensor *const in[] = {w, NULL, ones, rate};
  return fmp_emit(op("sgd"), NULL, 0, in, 4, NULL, 0);
}

/* Whichever allocation fails: w is written if and only if the op says so, and a gradient that
 * needs it knows. */
static void a_write_is_remembered_or_has_not_been(void **state)
{
  (void)state;
  fmp_status status = FMP_ENOMEM;
  for (int64_t after = 0; status == FMP_ENOMEM && after < MOST_ALLOCATIONS; after++) {
    float now[N];
    fmp_tensor *w = numbers(), *dw = NULL;
    OK(fmp_record_begin());
    fmp_tensor *square = call("square", 1, w), *loss = call("sum", 1, square);
    OK(decrement(loss) == FMP_OK ? FMP_EINVAL : FMP_OK); /* of another shape: refused */
    fmp_fail_allocation(after);
    status = decrement(w);
    fmp_fail_allocation(-1);
    values_of(w, N, now);
    assert_true(now[0] == (status == FMP_OK ? 0 : 1));
    if (status == FMP_OK)
      FAILS(fmp_gradients(loss, &w, 1, &dw), FMP_ESTATE, "was written after");
    else
      OK(fmp_gradients(loss, &w, 1, &dw));
    fmp_record_end(NULL, 0);
    drop(4, w, dw, square, loss);
  }
  assert_int_equal(status, FMP_OK);
}

static fmp_status wrong_shape(fmp_tensor *t)
{
  fmp_tensor *y = NULL, *two = vector(2, (const float[]){1, 2});
  const fmp_status status = fmp_emit(op("add"), NULL, 0, (fmp_tensor *[]){t, two}, 2, &y, 1);
  drop(2, two, y);
  return status;
}

/* What a refused op would have captured is not held, nor needed by the plan. */
static void a_refused_op_captures_nothing(void **state)
{
  (void)state;
  const fmp_spec spec = vector_spec(FMP_F32, N);
  fmp_tensor *x = NULL, *outside = numbers(), *value = numbers(), *got = NULL;
  fmp_graph *g = NULL;
  fmp_plan *plan = NULL;
  fmp_instance *instance = NULL;
  OK(fmp_trace_begin(NULL, &spec, 1, 0, &x));
  FAILS(wrong_shape(outside), FMP_ESHAPE, "");
  const int64_t held = fmp_tensor_bytes();
  fmp_tensor_empty(outside);
  assert_int_equal(fmp_tensor_bytes(), held - N * (int64_t)sizeof(float));
  fmp_tensor *y = call("neg", 1, x);
  OK(fmp_trace_end(&y, 1, &g));
  OK(fmp_plan_new(g, NULL, 0, 0, &plan));
  OK(fmp_instance_new(plan, 0, &instance));
  OK(fmp_instance_run(instance, &value, 1, &got, 1));
  const float want[N] = {-1, -2, -3};
  expect_values(got, N, want, 0);
  fmp_instance_release(instance);
  fmp_plan_release(plan);
  fmp_graph_release(g);
  drop(5, x, outside, value, got, y);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_write_is_remembered_or_has_not_been),
      cmocka_unit_test(a_refused_op_captures_nothing),
  };
  return cmocka_run_group_tests(tests, load_plugins, NULL);
}
