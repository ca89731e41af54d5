/* SPDX-License-Identifier: Apache-2.0
 * What a plan makes of a graph: dead and common nodes, the order of writes, whose memory
 * an output has, and how much memory it takes. */
#include "support.h"

#include <string.h>

enum { N = 1000 };

/* A function that is traced: makes the outputs from the inputs. */
typedef void (*traced_fn)(fmp_tensor *const *in, fmp_tensor **out);

/* Plans f on n_in vectors of N numbers. */
static fmp_plan *plan_of(traced_fn f, int32_t n_in, int32_t n_out)
{
  fmp_spec specs[4];
  fmp_tensor *in[4], *out[4] = {NULL};
  fmp_graph *g = NULL;
  fmp_plan *plan = NULL;
  for (int32_t i = 0; i < n_in; i++) specs[i] = vector_spec(FMP_F32, N);
  OK(fmp_trace_begin(NULL, specs, n_in, 0, in));
  f(in, out);
  OK(fmp_trace_end(out, n_out, &g));
  for (int32_t i = 0; i < n_in; i++) fmp_tensor_release(in[i]);
  for (int32_t i = 0; i < n_out; i++) fmp_tensor_release(out[i]);
  OK(fmp_plan_new(g, NULL, 0, 0, &plan));
  fmp_graph_release(g);
  return plan;
}

static fmp_tensor *counting_vector(void)
{
  float values[N];
  for (int i = 0; i < N; i++) values[i] = (float)i;
  return vector(N, values);
}

/* Runs a plan once; the outputs are the caller's. */
static void run(fmp_plan *plan, fmp_tensor *const *in, int32_t n_in, fmp_tensor **out,
                int32_t n_out)
{
  fmp_instance *instance = NULL;
  OK(fmp_instance_new(plan, 0, &instance));
  OK(fmp_instance_run(instance, in, n_in, out, n_out));
  fmp_instance_release(instance);
}

static void expect_element(const fmp_tensor *t, int64_t i, double want)
{
  float values[N];
  values_of(t, N, values);
  NEAR((double)values[i], want, 0);
}

/* -- dead and common nodes ------------------------------------------------- */

static void dead_end(fmp_tensor *const *in, fmp_tensor **out)
{
  fmp_tensor *unused = call("exp", 1, in[0]);
  fmp_tensor *also = call("neg", 1, unused);
  out[0] = call("neg", 1, in[0]);
  drop(2, unused, also);
}

static void drops_what_nobody_reads(void **state)
{
  (void)state;
  fmp_plan *plan = plan_of(dead_end, 1, 1);
  assert_int_equal(fmp_plan_nodes(plan), 1);
  fmp_plan_release(plan);
}

static void same_twice(fmp_tensor *const *in, fmp_tensor **out)
{
  fmp_tensor *a = call("exp", 1, in[0]), *b = call("exp", 1, in[0]);
  fmp_tensor *c = call("neg", 1, a), *d = call("neg", 1, b);
  out[0] = call("add", 2, c, d);
  drop(4, a, b, c, d);
}

static void merges_equal_nodes(void **state)
{
  (void)state;
  fmp_plan *plan = plan_of(same_twice, 1, 1);
  assert_int_equal(fmp_plan_nodes(plan), 3); /* exp, neg, add */
  fmp_plan_release(plan);
}

static void draws_twice(fmp_tensor *const *in, fmp_tensor **out)
{
  out[0] = call("uniform", 1, in[0]);
  out[1] = call("uniform", 1, in[0]);
}

static void never_merges_random_draws(void **state)
{
  (void)state;
  float a[N], b[N];
  fmp_tensor *x = counting_vector(), *y[2];
  fmp_plan *plan = plan_of(draws_twice, 1, 2);
  run(plan, &x, 1, y, 2);
  values_of(y[0], N, a);
  values_of(y[1], N, b);
  assert_memory_not_equal(a, b, sizeof a);
  drop(3, x, y[0], y[1]);
  fmp_plan_release(plan);
}

/* -- writes ---------------------------------------------------------------- */

/* w -= 1 */
static void decrement(fmp_tensor *w)
{
  fmp_tensor *ones = call_with("fill_like", (fmp_attr[]){fmp_attr_f64("value", 1)}, 1, 1, w);
  fmp_tensor *rate = NULL;
  fmp_tensor *in[] = {w, NULL, ones, NULL};
  OK(fmp_outside_begin());
  OK(fmp_tensor_number(NULL, FMP_F32, 1, &rate));
  fmp_outside_end();
  in[3] = rate;
  OK(fmp_emit(op("sgd"), NULL, 0, in, 4, NULL, 0));
  drop(2, ones, rate);
}

/* The same op on the same tensor, before a write and after it. */
static void read_write_read(fmp_tensor *const *in, fmp_tensor **out)
{
  out[0] = call("neg", 1, in[0]);
  decrement(in[0]);
  out[1] = call("neg", 1, in[0]);
}

static void reads_stay_on_their_side_of_a_write(void **state)
{
  (void)state;
  fmp_tensor *x = counting_vector(), *y[2];
  fmp_plan *plan = plan_of(read_write_read, 1, 2);
  run(plan, &x, 1, y, 2);
  expect_element(y[0], 7, -7);
  expect_element(y[1], 7, -6);
  expect_element(x, 7, 6); /* the caller's tensor was written */
  drop(3, x, y[0], y[1]);
  fmp_plan_release(plan);
}

/* -- outputs --------------------------------------------------------------- */

static void hands_back(fmp_tensor *const *in, fmp_tensor **out)
{
  out[0] = fmp_tensor_retain(in[0]);
  out[1] = call("neg", 1, in[0]);
  out[2] = fmp_tensor_retain(out[1]);
}

/* An input handed back and a value handed out twice: each output has memory of its own. */
static void outputs_own_their_memory(void **state)
{
  (void)state;
  const float zeros[N] = {0};
  fmp_tensor *x = counting_vector(), *y[3];
  fmp_plan *plan = plan_of(hands_back, 1, 3);
  run(plan, &x, 1, y, 3);
  OK(fmp_tensor_write(x, zeros, sizeof zeros));
  OK(fmp_tensor_write(y[1], zeros, sizeof zeros));
  expect_element(y[0], 9, 9);
  expect_element(y[2], 9, -9);
  drop(4, x, y[0], y[1], y[2]);
  fmp_plan_release(plan);
}

static void hands_out_a_view(fmp_tensor *const *in, fmp_tensor **out)
{
  static const int64_t shape[] = {10, -1}, start[] = {1};
  fmp_tensor *y = call("neg", 1, in[0]);
  const fmp_attr attrs[] = {fmp_attr_i64s("shape", shape, 2), fmp_attr_i64s("start", start, 1)};
  out[0] = call_with("reshape", attrs, 1, 1, y);
  out[1] = call_with("slice", attrs + 1, 1, 1, y);
  drop(1, y);
}

static void views_can_be_outputs(void **state)
{
  (void)state;
  float values[N];
  fmp_spec spec;
  fmp_tensor *x = counting_vector(), *y[2];
  fmp_plan *plan = plan_of(hands_out_a_view, 1, 2);
  run(plan, &x, 1, y, 2);
  fmp_tensor_spec(y[0], &spec);
  assert_int_equal(spec.rank, 2);
  expect_element(y[0], 11, -11);
  values_of(y[1], N - 1, values);
  NEAR((double)values[11], -12, 0);
  drop(3, x, y[0], y[1]);
  fmp_plan_release(plan);
}

/* -- memory ---------------------------------------------------------------- */

enum { LONG_CHAIN = 20 };

static void chain(fmp_tensor *const *in, fmp_tensor **out)
{
  fmp_tensor *x = fmp_tensor_retain(in[0]);
  for (int i = 0; i < LONG_CHAIN; i++) {
    fmp_tensor *y = call(i % 2 ? "neg" : "exp", 1, x);
    fmp_tensor_release(x);
    x = y;
  }
  out[0] = x;
}

/* A chain of any length needs two buffers at most, one where ops work in place. */
static void buffers_are_used_again(void **state)
{
  (void)state;
  fmp_plan *plan = plan_of(chain, 1, 1);
  assert_int_equal(fmp_plan_nodes(plan), LONG_CHAIN);
  assert_true(fmp_plan_arena_bytes(plan) <= 2 * (N * 4 + 64));
  fmp_plan_release(plan);
}

/* All of them are alive until the end. */
static void fan(fmp_tensor *const *in, fmp_tensor **out)
{
  static const char *const ops[] = {"exp", "neg", "abs", "square"};
  fmp_tensor *y[4];
  for (int i = 0; i < 4; i++) y[i] = call(ops[i], 1, in[0]);
  fmp_tensor *a = call("add", 2, y[0], y[1]), *b = call("add", 2, a, y[2]);
  out[0] = call("add", 2, b, y[3]);
  drop(6, y[0], y[1], y[2], y[3], a, b);
}

static void values_in_use_do_not_share(void **state)
{
  (void)state;
  fmp_tensor *x = counting_vector(), *y = NULL;
  fmp_plan *plan = plan_of(fan, 1, 1);
  assert_true(fmp_plan_arena_bytes(plan) >= 4 * N * 4);
  run(plan, &x, 1, &y, 1);
  expect_element(y, 0, 1);
  drop(2, x, y);
  fmp_plan_release(plan);
}

/* -- bad input ------------------------------------------------------------- */

static void inputs_are_checked(void **state)
{
  (void)state;
  const float few[] = {1, 2};
  fmp_tensor *x = vector(2, few), *y = NULL;
  fmp_plan *plan = plan_of(dead_end, 1, 1);
  fmp_instance *instance = NULL;
  OK(fmp_instance_new(plan, 0, &instance));
  FAILS(fmp_instance_run(instance, &x, 1, &y, 1), FMP_ESHAPE,
        "input 1: expected f32 [1000] as planned, got f32 [2]");
  FAILS(fmp_instance_run(instance, &x, 1, &y, 0), FMP_EINVAL, "expected 1 inputs and 1 outputs");
  fmp_tensor_empty(x);
  FAILS(fmp_instance_run(instance, &x, 1, &y, 1), FMP_ESTATE, "is empty");
  assert_null(y);
  fmp_instance_release(instance);
  fmp_plan_release(plan);
  drop(1, x);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(drops_what_nobody_reads),
      cmocka_unit_test(merges_equal_nodes),
      cmocka_unit_test(never_merges_random_draws),
      cmocka_unit_test(reads_stay_on_their_side_of_a_write),
      cmocka_unit_test(outputs_own_their_memory),
      cmocka_unit_test(views_can_be_outputs),
      cmocka_unit_test(buffers_are_used_again),
      cmocka_unit_test(values_in_use_do_not_share),
      cmocka_unit_test(inputs_are_checked),
  };
  return cmocka_run_group_tests(tests, load_plugins, NULL);
}
