/* SPDX-License-Identifier: Apache-2.0
 * Traces, graphs, plans and their instances. */
#include "model.h"

#include <string.h>

enum { ROWS = 5 };
static const float x_values[2 * ROWS] = {1, 2, -3, 4, 5, -6, 0, 0, 7, 8};

static fmp_tensor *rows_of_x(int64_t n) { return matrix(n, 2, x_values); }

static void traced_tensors_have_no_value(void **state)
{
  (void)state;
  const fmp_spec spec = matrix_spec(FMP_F32, 2, 2);
  fmp_tensor *x = NULL;
  float values[4];
  double value;
  OK(fmp_trace_begin(NULL, &spec, 1, 0, &x));
  assert_int_equal(fmp_mode(), 2);
  fmp_tensor *y = call("sum", 1, x);
  assert_int_equal(fmp_tensor_state(x), 1);
  assert_int_equal(fmp_tensor_state(y), 1);
  FAILS(fmp_tensor_read(x, values, sizeof values), FMP_ESTATE, "trac");
  FAILS(fmp_tensor_item(y, &value), FMP_ESTATE, "trac");
  fmp_trace_abort();
  assert_int_equal(fmp_mode(), 0);
  assert_int_equal(fmp_tensor_state(y), 2);
  drop(2, x, y);
}

static void graph_tells_what_it_is(void **state)
{
  (void)state;
  model m;
  fmp_graph *g = NULL;
  fmp_spec spec;
  OK(model_new(&m));
  OK(fmp_scope_push("net"));
  OK(model_trace(&m, 3, &g));
  fmp_scope_pop();
  assert_int_equal(fmp_graph_inputs(g), 1);
  assert_int_equal(fmp_graph_outputs(g), 1);
  OK(fmp_graph_input_spec(g, 0, &spec));
  assert_int_equal(spec.shape[0], 3);
  OK(fmp_graph_output_spec(g, 0, &spec));
  assert_int_equal(spec.shape[1], 1);
  assert_int_not_equal(fmp_graph_input_spec(g, 1, &spec), FMP_OK);
  assert_int_not_equal(fmp_graph_output_spec(g, -1, &spec), FMP_OK);
  assert_non_null(strstr(fmp_graph_text(g), "matmul"));
  assert_non_null(strstr(fmp_graph_text(g), "net"));
  assert_null(fmp_graph_batch_note(g));
  OK(fmp_graph_set_batch_note(g, "a test said so"));
  assert_string_equal(fmp_graph_batch_note(g), "a test said so");
  fmp_graph_release(g);
  model_free(&m);
}

/* A plan for other batch sizes than that of the trace, against eager and plain C. */
static void open_batch(void **state)
{
  (void)state;
  model m;
  fmp_graph *g = NULL;
  OK(model_new(&m));
  OK(model_trace(&m, 3, &g));
  for (int64_t n = 1; n <= ROWS; n++) {
    float want[ROWS];
    fmp_tensor *x = rows_of_x(n), *y = NULL, *eager = NULL;
    OK(model_replay(g, x, &y));
    OK(model_forward(&m, x, &eager));
    model_expect(x_values, n, want);
    expect_values(y, n, want, 1e-5);
    expect_values(eager, n, want, 1e-5);
    drop(3, x, y, eager);
  }
  fmp_graph_release(g);
  model_free(&m);
}

/* Captured tensors are captured by reference: a later write is seen. */
static void captured_by_reference(void **state)
{
  (void)state;
  model m;
  fmp_graph *g = NULL;
  OK(model_new(&m));
  OK(model_trace(&m, 1, &g));
  const float zeros[3] = {0};
  OK(fmp_tensor_write(m.w2, zeros, sizeof zeros));
  fmp_tensor *x = rows_of_x(1), *y = NULL;
  OK(model_replay(g, x, &y));
  NEAR(item_of(y), 0, 0);
  drop(2, x, y);
  model_free(&m); /* the graph keeps them */
  x = rows_of_x(1);
  OK(model_replay(g, x, &y));
  drop(2, x, y);
  fmp_graph_release(g);
}

/* A whole training step in a trace, run again and again, does what eager steps do. */
static void compiled_training(void **state)
{
  (void)state;
  model eager, traced;
  fmp_tensor *in[2] = {NULL}, *loss = NULL;
  fmp_tensor *real[] = {rows_of_x(ROWS), matrix(ROWS, 1, x_values)};
  fmp_graph *g = NULL;
  fmp_plan *plan = NULL;
  fmp_instance *instance = NULL;
  OK(model_new(&eager));
  OK(model_new(&traced));
  const fmp_spec specs[] = {matrix_spec(FMP_F32, ROWS, 2), matrix_spec(FMP_F32, ROWS, 1)};
  OK(fmp_trace_begin(NULL, specs, 2, 0, in));
  OK(model_step(&traced, in[0], in[1], &loss));
  OK(fmp_trace_end(&loss, 1, &g));
  drop(3, in[0], in[1], loss);
  OK(fmp_plan_new(g, NULL, 0, FMP_NO_REWRITES, &plan));
  OK(fmp_instance_new(plan, 0, &instance));
  for (int i = 0; i < 5; i++) {
    fmp_tensor *a = NULL, *b = NULL;
    OK(model_step(&eager, real[0], real[1], &a));
    OK(fmp_instance_run(instance, real, 2, &b, 1));
    NEAR(item_of(b), item_of(a), 0);
    drop(2, a, b);
  }
  float w[2][6];
  values_of(eager.w1, 6, w[0]);
  values_of(traced.w1, 6, w[1]);
  assert_memory_equal(w[0], w[1], sizeof w[0]);
  assert_true(fmp_plan_nodes(plan) > 0);
  assert_non_null(strstr(fmp_plan_text(plan), "sgd"));
  fmp_instance_release(instance);
  fmp_plan_release(plan);
  fmp_graph_release(g);
  drop(2, real[0], real[1]);
  model_free(&eager);
  model_free(&traced);
}

/* An instance holds its plan, and the plan what it needs of the graph. */
static void instance_holds_all(void **state)
{
  (void)state;
  model m;
  fmp_graph *g = NULL;
  fmp_plan *plan = NULL;
  fmp_instance *instance = NULL;
  OK(model_new(&m));
  OK(model_trace(&m, 2, &g));
  model_free(&m);
  OK(fmp_plan_new(g, NULL, 0, 0, &plan));
  fmp_graph_release(g);
  OK(fmp_instance_new(plan, 1, &instance));
  fmp_plan_release(plan);
  fmp_tensor *x = rows_of_x(2), *first = NULL, *second = NULL;
  float want[2];
  OK(fmp_instance_run(instance, &x, 1, &first, 1));
  OK(fmp_instance_run(instance, &x, 1, &second, 1));
  model_expect(x_values, 2, want);
  fmp_instance_release(instance);
  expect_values(first, 2, want, 1e-5); /* outputs own their memory */
  expect_values(second, 2, want, 1e-5);
  drop(3, x, first, second);
}

static void wrong_inputs(void **state)
{
  (void)state;
  model m;
  fmp_graph *g = NULL;
  fmp_plan *plan = NULL;
  fmp_instance *instance = NULL;
  OK(model_new(&m));
  OK(model_trace(&m, 2, &g));
  const fmp_spec wide = matrix_spec(FMP_F32, 2, 7), f64 = matrix_spec(FMP_F64, 2, 2);
  assert_int_not_equal(fmp_plan_new(g, &wide, 1, 0, &plan), FMP_OK);
  assert_int_not_equal(fmp_plan_new(g, &f64, 1, 0, &plan), FMP_OK);
  FAILS(fmp_plan_new(g, &wide, 2, 0, &plan), FMP_EINVAL, "input");
  assert_null(plan);
  OK(fmp_plan_new(g, NULL, 0, 0, &plan));
  OK(fmp_instance_new(plan, 0, &instance));
  fmp_tensor *x = rows_of_x(3), *y = NULL;
  FAILS(fmp_instance_run(instance, &x, 1, &y, 1), FMP_ESHAPE, "[3,2]");
  assert_int_not_equal(fmp_instance_run(instance, &x, 0, &y, 1), FMP_OK);
  fmp_tensor_empty(x);
  assert_int_not_equal(fmp_instance_run(instance, &x, 1, &y, 1), FMP_OK);
  assert_null(y);
  fmp_tensor_release(x);
  fmp_instance_release(instance);
  fmp_plan_release(plan);
  fmp_graph_release(g);
  model_free(&m);
}

/* Outputs that are inputs, captured tensors, or the same tensor twice. */
static void odd_outputs(void **state)
{
  (void)state;
  const fmp_spec spec = vector_spec(FMP_F32, 2);
  fmp_tensor *x = NULL, *w = vector(2, (const float[]){8, 9}), *y[4] = {NULL};
  fmp_graph *g = NULL;
  fmp_plan *plan = NULL;
  fmp_instance *instance = NULL;
  OK(fmp_trace_begin(NULL, &spec, 1, 0, &x));
  fmp_tensor *n = call("neg", 1, x);
  fmp_tensor *const outputs[] = {n, x, w, n};
  OK(fmp_trace_end(outputs, 4, &g));
  drop(2, n, x);
  OK(fmp_plan_new(g, NULL, 0, 0, &plan));
  OK(fmp_instance_new(plan, 0, &instance));
  x = vector(2, (const float[]){1, 2});
  OK(fmp_instance_run(instance, &x, 1, y, 4));
  expect_values(y[0], 2, (const float[]){-1, -2}, 0);
  expect_values(y[1], 2, (const float[]){1, 2}, 0);
  expect_values(y[2], 2, (const float[]){8, 9}, 0);
  expect_values(y[3], 2, (const float[]){-1, -2}, 0);
  /* They own their storage: writing one leaves what it came from alone. */
  OK(fmp_tensor_write(y[2], (const float[]){0, 0}, 8));
  OK(fmp_tensor_write(y[1], (const float[]){0, 0}, 8));
  expect_values(w, 2, (const float[]){8, 9}, 0);
  expect_values(x, 2, (const float[]){1, 2}, 0);
  drop(6, x, w, y[0], y[1], y[2], y[3]);
  fmp_instance_release(instance);
  fmp_plan_release(plan);
  fmp_graph_release(g);
}

static void abort_forgets_all(void **state)
{
  (void)state;
  model m;
  OK(model_new(&m));
  const int64_t bytes = fmp_tensor_bytes();
  const fmp_spec spec = matrix_spec(FMP_F32, 4, 2);
  fmp_tensor *x = NULL, *y = NULL, *again = NULL;
  OK(fmp_trace_begin(NULL, &spec, 1, 0, &x));
  OK(model_forward(&m, x, &y));
  FAILS(fmp_trace_begin(NULL, &spec, 1, 0, &again), FMP_ESTATE, "");
  fmp_trace_abort();
  fmp_trace_abort(); /* nothing to abort */
  drop(2, x, y);
  assert_int_equal(fmp_tensor_bytes(), bytes);
  fmp_graph *g = NULL;
  FAILS(fmp_trace_end(NULL, 0, &g), FMP_ESTATE, "");
  assert_null(g);
  model_free(&m);
}

static fmp_graph *graph_of(const char *name, int64_t n)
{
  const fmp_spec spec = matrix_spec(FMP_F32, n, 2);
  fmp_tensor *x = NULL;
  fmp_graph *g = NULL;
  OK(fmp_trace_begin(NULL, &spec, 1, 0, &x));
  fmp_tensor *y = call(name, 1, x);
  OK(fmp_trace_end(&y, 1, &g));
  drop(2, x, y);
  return g;
}

static void compared_but_for_shapes(void **state)
{
  (void)state;
  fmp_graph *neg_2 = graph_of("neg", 2), *neg_5 = graph_of("neg", 5), *exp_2 = graph_of("exp", 2);
  OK(fmp_graph_compare(neg_2, neg_5));
  FAILS(fmp_graph_compare(neg_2, exp_2), FMP_EINVAL, "exp");
  fmp_graph_release(neg_2);
  fmp_graph_release(neg_5);
  fmp_graph_release(exp_2);
}

static void interrupted(void **state)
{
  (void)state;
  model m;
  fmp_graph *g = NULL;
  OK(model_new(&m));
  OK(model_trace(&m, 2, &g));
  fmp_tensor *x = rows_of_x(2), *y = NULL;
  fmp_interrupt();
  FAILS(model_replay(g, x, &y), FMP_EINTERRUPTED, "");
  assert_null(y);
  OK(model_replay(g, x, &y)); /* the request was used up */
  fmp_interrupt();
  fmp_interrupt_clear();
  fmp_tensor *z = NULL;
  OK(model_forward(&m, x, &z));
  drop(3, x, y, z);
  fmp_graph_release(g);
  model_free(&m);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(traced_tensors_have_no_value),
      cmocka_unit_test(graph_tells_what_it_is),
      cmocka_unit_test(open_batch),
      cmocka_unit_test(captured_by_reference),
      cmocka_unit_test(compiled_training),
      cmocka_unit_test(instance_holds_all),
      cmocka_unit_test(wrong_inputs),
      cmocka_unit_test(odd_outputs),
      cmocka_unit_test(abort_forgets_all),
      cmocka_unit_test(compared_but_for_shapes),
      cmocka_unit_test(interrupted),
  };
  return cmocka_run_group_tests(tests, load_plugins, NULL);
}
