/* SPDX-License-Identifier: Apache-2.0
 * Rewrites that build on each other, as often as there is something to do, those that find no end,
 * and what handles and gradients are afterwards. By the plugins of tests/plugin/rewriting, and
 * pooling, which goes ahead of relu. */
#define _XOPEN_SOURCE 700 /* strdup */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

enum { SIDE = 2, N = SIDE * SIDE, MOST_OUT = 4 };

/* A program of some size, traced from x: makes outputs. */
typedef int32_t (*program)(fmp_tensor *x, int n, fmp_tensor **out);

static fmp_tensor *captured; /* like x; may be written */

/* y = op(y), taking the place of y. */
static void apply(const char *name, fmp_tensor **y)
{
  fmp_tensor *made = call(name, 1, *y);
  fmp_tensor_release(*y);
  *y = made;
}

static void pool(fmp_tensor **y)
{
  static const int64_t one[] = {1, 1};
  const fmp_attr window = fmp_attr_i64s("window", one, 2);
  fmp_tensor *made = call_with("max_pool", &window, 1, 1, *y);
  fmp_tensor_release(*y);
  *y = made;
}

/* -- programs, with and without rewrites ----------------------------------- */

static fmp_plan *plan_of(program f, int n, uint32_t flags)
{
  static const int64_t shape[] = {1, SIDE, SIDE, 1};
  const fmp_spec spec = spec_of(FMP_F32, 4, shape);
  fmp_tensor *x = NULL, *out[MOST_OUT];
  fmp_graph *g = NULL;
  fmp_plan *plan = NULL;
  OK(fmp_trace_begin(NULL, &spec, 1, flags, &x));
  const int32_t n_out = f(x, n, out);
  OK(fmp_trace_end(out, n_out, &g));
  OK(fmp_plan_new(g, NULL, 0, 0, &plan));
  for (int32_t i = 0; i < n_out; i++) fmp_tensor_release(out[i]);
  fmp_tensor_release(x);
  fmp_graph_release(g);
  return plan;
}

/* All outputs of one run, one after another; returns how many numbers. */
static int64_t run(fmp_plan *plan, int32_t n_out, float *values)
{
  static const int64_t shape[] = {1, SIDE, SIDE, 1};
  static const float numbers[N] = {-2, 1, 3, -0.5f}, others[N] = {3, -1, 2, 5};
  const fmp_spec spec = spec_of(FMP_F32, 4, shape);
  fmp_tensor *x = NULL, *out[MOST_OUT];
  fmp_instance *instance = NULL;
  int64_t n = 0;
  OK(fmp_tensor_from(NULL, &spec, numbers, sizeof numbers, &x));
  OK(fmp_tensor_write(captured, others, sizeof others));
  OK(fmp_instance_new(plan, 0, &instance));
  OK(fmp_instance_run(instance, &x, 1, out, n_out));
  for (int32_t i = 0; i < n_out; i++) {
    fmp_spec made;
    fmp_tensor_spec(out[i], &made);
    int64_t size = 1;
    for (uint32_t d = 0; d < made.rank; d++) size *= made.shape[d];
    values_of(out[i], size, values + n);
    n += size;
    fmp_tensor_release(out[i]);
  }
  fmp_instance_release(instance);
  fmp_tensor_release(x);
  return n;
}

/* The plan with rewrites computes what the one without does; returns it. */
static fmp_plan *expect_equal(program f, int n, int32_t n_out)
{
  float with[MOST_OUT * N], without[MOST_OUT * N];
  fmp_plan *plan = plan_of(f, n, 0), *plain = plan_of(f, n, FMP_NO_REWRITES);
  const int64_t size = run(plan, n_out, with);
  assert_int_equal(run(plain, n_out, without), size);
  for (int64_t i = 0; i < size; i++) NEAR((double)with[i], (double)without[i], 0);
  fmp_plan_release(plain);
  return plan;
}

static void expect_nodes(program f, int n, int32_t n_out, int32_t nodes)
{
  fmp_plan *plan = expect_equal(f, n, n_out);
  if (fmp_plan_nodes(plan) != nodes) print_error("%.1000s\n", fmp_plan_text(plan));
  assert_int_equal(fmp_plan_nodes(plan), nodes);
  fmp_plan_release(plan);
}

/* -- one rewrite after another --------------------------------------------- */

enum { MANY = 2000 };

/* Two rewrites in turn, each on what the one before it has made. */
static int32_t alternating(fmp_tensor *x, int n, fmp_tensor **out)
{
  out[0] = call("abs", 1, x);
  for (int i = 0; i < n; i++) apply(i % 2 ? "abs" : "relu", &out[0]);
  return 1;
}

/* Each leaves what the next one begins with: nothing is emitted at all. */
static int32_t undone(fmp_tensor *x, int n, fmp_tensor **out)
{
  out[0] = call("exp", 1, x);
  for (int i = 0; i < 2 * n; i++) apply("neg", &out[0]);
  return 1;
}

static void as_often_as_they_apply(void **state)
{
  (void)state;
  for (int n = 1; n <= MANY; n = n < 8 ? n + 1 : n * 4) {
    expect_nodes(alternating, n, 1, 1);
    expect_nodes(undone, n, 1, 1);
  }
  expect_nodes(alternating, MANY, 1, 1);
  expect_nodes(undone, MANY, 1, 1);
}

/* A relu goes back through n pools, or a pool ahead through n relus. */
static int32_t relu_and_pools(fmp_tensor *x, int n, fmp_tensor **out)
{
  out[0] = call("relu", 1, x);
  for (int i = 0; i < n; i++) pool(&out[0]);
  return 1;
}

static int32_t relus_and_pool(fmp_tensor *x, int n, fmp_tensor **out)
{
  out[0] = call("exp", 1, x);
  for (int i = 0; i < n; i++) apply("relu", &out[0]);
  pool(&out[0]);
  return 1;
}

static int32_t in_turn(fmp_tensor *x, int n, fmp_tensor **out)
{
  out[0] = call("exp", 1, x);
  for (int i = 0; i < n; i++) {
    apply("relu", &out[0]);
    pool(&out[0]);
  }
  return 1;
}

/* No pool stands behind a relu. */
static void expect_pools_first(program f, int n)
{
  fmp_plan *plan = expect_equal(f, n, 1);
  const char *const text = fmp_plan_text(plan);
  const char *relu = strstr(text, "relu [");
  assert_non_null(relu);
  assert_non_null(strstr(text, "max_pool ["));
  assert_null(strstr(relu, "max_pool ["));
  fmp_plan_release(plan);
}

static void all_the_way(void **state)
{
  (void)state;
  for (int n = 1; n <= 4; n++) {
    expect_pools_first(relu_and_pools, n);
    expect_pools_first(relus_and_pool, n);
    expect_pools_first(in_turn, n);
  }
  expect_pools_first(relu_and_pools, MANY);
  expect_pools_first(relus_and_pool, MANY);
  expect_pools_first(in_turn, 40); /* 780 times; each pool has further to go than the one before */
}

/* The first op's value is read twice, until the second reader has been rewritten away. */
static int32_t read_once_in_the_end(fmp_tensor *x, int n, fmp_tensor **out)
{
  (void)n;
  fmp_tensor *a = call("exp", 1, x), *minus = call("neg", 1, a), *b = call("abs", 1, a);
  fmp_tensor *c = call("relu", 1, b), *d = call("abs", 1, b), *again = call("neg", 1, minus);
  fmp_tensor *both = call("add", 2, c, d);
  out[0] = call("add", 2, both, again);
  drop(7, a, minus, b, c, d, again, both);
  return 1;
}

/* Nothing is to be found past what others read, too. */
static int32_t read_by_others(fmp_tensor *x, int n, fmp_tensor **out)
{
  (void)n;
  out[0] = call("neg", 1, x);
  out[1] = call("neg", 1, out[0]);
  out[2] = call("abs", 1, x);
  out[3] = call("relu", 1, out[2]);
  return 4;
}

static void what_others_read_stays(void **state)
{
  (void)state;
  expect_nodes(read_by_others, 1, 4, 4);
  fmp_plan_release(expect_equal(read_once_in_the_end, 1, 1));
}

/* The chain would read what has been written since. */
static int32_t written_between(fmp_tensor *x, int n, fmp_tensor **out)
{
  (void)n;
  fmp_tensor *before = call("abs", 1, captured), *rate = NULL;
  OK(fmp_outside_begin());
  OK(fmp_tensor_number(NULL, FMP_F32, 1, &rate));
  fmp_outside_end();
  OK(fmp_emit(op("sgd"), NULL, 0, (fmp_tensor *[]){captured, NULL, x, rate}, 4, NULL, 0));
  out[0] = call("relu", 1, before);
  out[1] = call("abs", 1, captured);
  apply("relu", &out[1]);
  drop(2, before, rate);
  return 2;
}

static void nothing_moves_past_a_write(void **state)
{
  (void)state;
  fmp_plan_release(expect_equal(written_between, 1, 2));
}

/* What a rewrite emitted before it declined is in no graph. */
static void declining_leaves_nothing(void **state)
{
  (void)state;
  const fmp_spec spec = vector_spec(FMP_F32, N);
  fmp_tensor *x = NULL, *dx = NULL;
  fmp_graph *g = NULL;
  OK(fmp_trace_begin(NULL, &spec, 1, 0, &x));
  fmp_tensor *a = call("abs", 1, x), *b = call("relu", 1, a), *c = call("square", 1, b);
  fmp_tensor *loss = call("sum", 1, c);
  OK(fmp_gradients(loss, &x, 1, &dx));
  OK(fmp_trace_end(&dx, 1, &g));
  assert_non_null(strstr(fmp_graph_text(g), "square("));
  assert_null(strstr(fmp_graph_text(g), "sigmoid"));
  fmp_graph_release(g);
  drop(6, x, dx, a, b, c, loss);
}

/* -- programs from a seed -------------------------------------------------- */

static uint32_t drawn(uint32_t *state, uint32_t below)
{
  *state = *state * 1664525u + 1013904223u;
  return (*state >> 8) % below;
}

static int32_t any_program(fmp_tensor *x, int seed, fmp_tensor **out)
{
  enum { VALUES = 5, OPS = 60 };
  static const char *const names[] = {"neg", "abs", "relu", "square", "neg", "abs"};
  uint32_t state = (uint32_t)seed;
  fmp_tensor *values[VALUES];
  for (int i = 0; i < VALUES; i++) values[i] = call("sigmoid", 1, x);
  for (int i = 0; i < OPS; i++) {
    fmp_tensor **y = &values[drawn(&state, VALUES)], *other = values[drawn(&state, VALUES)];
    const uint32_t which = drawn(&state, 9);
    fmp_tensor *made = which == 8 ? call("minimum", 2, *y, other) : fmp_tensor_retain(*y);
    if (which < 6) apply(names[which], &made);
    if (which > 5 && which < 8) pool(&made);
    fmp_tensor_release(*y);
    *y = made;
  }
  for (int i = 0; i < MOST_OUT; i++) out[i] = values[i];
  fmp_tensor_release(values[MOST_OUT]);
  return MOST_OUT;
}

/* With a gradient in it, by one of the values on the way. */
static int32_t any_gradient(fmp_tensor *x, int seed, fmp_tensor **out)
{
  any_program(x, seed, out);
  fmp_tensor *way = call("neg", 1, out[0]), *y = call("neg", 1, way), *loss = call("sum", 1, y);
  apply("abs", &way);
  fmp_tensor_release(out[2]);
  fmp_tensor_release(out[3]);
  OK(fmp_gradients(loss, (fmp_tensor *[]){x, out[0]}, 2, out + 2));
  fmp_tensor_release(out[1]);
  out[1] = way;
  drop(2, y, loss);
  return 4;
}

static void any_program_computes_the_same(void **state)
{
  (void)state;
  for (int seed = 1; seed <= 150; seed++) {
    fmp_plan_release(expect_equal(any_program, seed, MOST_OUT));
    fmp_plan_release(expect_equal(any_gradient, seed, MOST_OUT));
  }
}

/* -- handles and gradients ------------------------------------------------- */

/* Ops that were merged are read again after the gradients; one stands for a tensor from outside. */
static int32_t goes_on(fmp_tensor *x, int n, fmp_tensor **out)
{
  (void)n;
  fmp_tensor *minus = call("neg", 1, x), *plus = call("neg", 1, minus);
  fmp_tensor *turned = call("neg", 1, captured), *back = call("neg", 1, turned);
  fmp_tensor *product = call("mul", 2, plus, back), *square = call("square", 1, product);
  fmp_tensor *loss = call("sum", 1, square);
  OK(fmp_gradients(loss, (fmp_tensor *[]){x, captured}, 2, out));
  fmp_tensor *of_x = call("mul", 2, minus, plus), *of_captured = call("mul", 2, turned, back);
  out[2] = call("add", 2, of_x, of_captured);
  out[3] = call("mul", 2, back, plus);
  drop(9, minus, plus, turned, back, product, square, loss, of_x, of_captured);
  return 4;
}

/* By what lies in the middle of a chain, at its end and at its beginning. */
static int32_t by_what_is_made(fmp_tensor *x, int n, fmp_tensor **out)
{
  fmp_tensor *a = call("exp", 1, x), *b = call("abs", 1, a), *c = call("relu", 1, b);
  fmp_tensor *d = call("square", 1, c), *loss = call("sum", 1, d);
  fmp_tensor *const all[] = {a, b, c};
  OK(fmp_gradients(loss, n < 3 ? &all[n] : all, n < 3 ? 1 : 3, out));
  drop(5, a, b, c, d, loss);
  return n < 3 ? 1 : 3;
}

static void handles_keep_their_meaning(void **state)
{
  (void)state;
  fmp_plan_release(expect_equal(goes_on, 1, 4));
  for (int n = 0; n < 4; n++) fmp_plan_release(expect_equal(by_what_is_made, n, n < 3 ? 1 : 3));
}

/* It has no place in the graph any more that the loss depends on: said, instead of zeros. */
static void too_late_for_a_gradient(void **state)
{
  (void)state;
  const fmp_spec spec = vector_spec(FMP_F32, N);
  fmp_tensor *x = NULL, *dx = NULL;
  OK(fmp_trace_begin(NULL, &spec, 1, 0, &x));
  fmp_tensor *a = call("abs", 1, x), *b = call("relu", 1, a), *loss = call("sum", 1, b);
  OK(fmp_gradients(loss, &x, 1, &dx));
  fmp_tensor_release(dx);
  FAILS(fmp_gradients(loss, &a, 1, &dx), FMP_ESTATE, "cannot be differentiated by any more");
  OK(fmp_gradients(loss, &b, 1, &dx)); /* what stands for it is what the loss depends on */
  fmp_trace_abort();
  drop(5, x, a, b, loss, dx);
}

/* -- no memory ------------------------------------------------------------- */

/* The graph of pools and relus in turn, planned with the k-th allocation failing; of a trace with
 * its gradient, the latter. */
static fmp_status plan_with_failure(int64_t k)
{
  static const int64_t shape[] = {1, SIDE, SIDE, 1};
  const fmp_spec spec = spec_of(FMP_F32, 4, shape);
  fmp_tensor *x = NULL, *y = NULL;
  fmp_graph *g = NULL;
  fmp_plan *plan = NULL;
  OK(fmp_trace_begin(NULL, &spec, 1, 0, &x));
  in_turn(x, 3, &y);
  OK(fmp_trace_end(&y, 1, &g));
  fmp_fail_allocation(k);
  const fmp_status status = fmp_plan_new(g, NULL, 0, 0, &plan);
  fmp_fail_allocation(-1);
  fmp_plan_release(plan);
  fmp_graph_release(g);
  drop(2, x, y);
  return status;
}

static fmp_status differentiate_with_failure(int64_t k)
{
  static const int64_t shape[] = {1, SIDE, SIDE, 1};
  const fmp_spec spec = spec_of(FMP_F32, 4, shape);
  fmp_tensor *x = NULL, *y = NULL, *dx = NULL;
  OK(fmp_trace_begin(NULL, &spec, 1, 0, &x));
  in_turn(x, 3, &y);
  fmp_tensor *loss = call("sum", 1, y);
  fmp_fail_allocation(k);
  const fmp_status status = fmp_gradients(loss, &x, 1, &dx);
  fmp_fail_allocation(-1);
  fmp_trace_abort();
  drop(4, x, y, loss, dx);
  return status;
}

static void expect_no_leak(fmp_status (*f)(int64_t k))
{
  enum { MOST = 5000 };
  OK(f(-1));
  const int64_t live = fmp_live_bytes();
  fmp_status status = FMP_ENOMEM;
  int64_t k = 0;
  for (; status == FMP_ENOMEM && k < MOST; k++) {
    status = f(k);
    assert_int_equal(fmp_mode(), 0);
    assert_string_equal(fmp_scope_path(), "");
    assert_int_equal(fmp_live_bytes(), live);
  }
  OK(status);
  assert_true(k > 50);
}

static void no_memory(void **state)
{
  (void)state;
  expect_no_leak(plan_with_failure);
  expect_no_leak(differentiate_with_failure);
}

/* -- no end ---------------------------------------------------------------- */

static int32_t there_and_back(fmp_tensor *x, int n, fmp_tensor **out)
{
  (void)n;
  out[0] = call("abs", 1, x);
  apply("square", &out[0]);
  return 1;
}

static int make_captured(void)
{
  static const int64_t shape[] = {1, SIDE, SIDE, 1};
  const fmp_spec spec = spec_of(FMP_F32, 4, shape);
  return fmp_tensor_new(NULL, &spec, &captured) == FMP_OK ? 0 : -1;
}

/* What a child does, whose messages go to a file. */
static int rewrite_for_ever(const char *path)
{
  if (!freopen(path, "w", stderr) || load_plugins(NULL) != 0 || make_captured() != 0) return 1;
  if (fmp_plugin_load(FMP_TEST_PLUGINS "/rewriting/fmp_swap.so") != FMP_OK) return 2;
  fmp_plan *plan = expect_equal(there_and_back, 1, 1);
  const int32_t nodes = fmp_plan_nodes(plan);
  fmp_plan_release(plan);
  return nodes == 2 ? 0 : 3;
}

static void no_end_is_said(void **state)
{
  (void)state;
  int status = 0;
  size_t n;
  const char *path = scratch_path("messages");
  const pid_t child = start_again("swap", path);
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_true(WIFEXITED(status));
  assert_int_equal(WEXITSTATUS(status), 0);
  char *text = (char *)read_file(path, &n);
  text[n - 1] = '\0'; /* the end of the last line */
  const char *said = strstr(text, "fmp: warning: rewrite test_");
  assert_non_null(said);
  assert_non_null(strstr(said, "(plugin swap) still applies"));
  assert_null(strstr(said + 1, "fmp: warning")); /* once */
  free(text);
}

static int start(void **state)
{
  if (load_plugins(state) != 0 || make_captured() != 0) return -1;
  return fmp_plugin_load(FMP_TEST_PLUGINS "/rewriting/fmp_fold.so") == FMP_OK ? 0 : -1;
}

static int end(void **state)
{
  (void)state;
  fmp_tensor_release(captured);
  return 0;
}

int main(int argc, char **argv)
{
  if (argc == 3) return rewrite_for_ever(argv[2]);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(as_often_as_they_apply),
      cmocka_unit_test(all_the_way),
      cmocka_unit_test(what_others_read_stays),
      cmocka_unit_test(nothing_moves_past_a_write),
      cmocka_unit_test(declining_leaves_nothing),
      cmocka_unit_test(any_program_computes_the_same),
      cmocka_unit_test(handles_keep_their_meaning),
      cmocka_unit_test(too_late_for_a_gradient),
      cmocka_unit_test(no_memory),
      cmocka_unit_test(no_end_is_said),
  };
  return cmocka_run_group_tests(tests, start, end);
}
