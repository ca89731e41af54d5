/* SPDX-License-Identifier: Apache-2.0
 * Draws: a function of seed, step, scope and ordinal, and of nothing else. */
#include "support.h"

#include <string.h>

enum { N = 64 };

static void draw(double *values)
{
  fmp_tensor *like = vector(N, (const float[N]){0}), *y = call("sdk_noise", 1, like);
  OK(fmp_tensor_read(y, values, N * (int64_t)sizeof(double)));
  drop(2, like, y);
}

static int same(const double *a, const double *b) { return memcmp(a, b, N * sizeof *a) == 0; }

static void same_seed_same_draws(void **state)
{
  (void)state;
  double a[N], b[N], c[N];
  fmp_random_seed(7);
  draw(a);
  draw(b);
  assert_false(same(a, b));
  fmp_random_seed(7);
  draw(c);
  assert_true(same(a, c));
  draw(c);
  assert_true(same(b, c));
  fmp_random_seed(8);
  draw(c);
  assert_false(same(a, c));
}

static void state_can_be_kept(void **state)
{
  (void)state;
  double a[N], b[N];
  uint64_t seed, step;
  fmp_random_seed(UINT64_MAX);
  draw(a);
  fmp_random_get(&seed, &step);
  assert_true(seed == UINT64_MAX);
  draw(a);
  fmp_random_set(seed, step);
  draw(b);
  assert_true(same(a, b));
}

static void scopes_draw_apart(void **state)
{
  (void)state;
  double a[N], b[N];
  fmp_random_seed(7);
  OK(fmp_record_begin());
  OK(fmp_scope_push("a"));
  draw(a);
  fmp_scope_pop();
  OK(fmp_scope_push("b"));
  draw(b);
  fmp_scope_pop();
  fmp_record_end(NULL, 0);
  assert_false(same(a, b));
}

/* A plan draws anew at each run, and again the same from the same seed and step. */
static void plans_take_a_step_each(void **state)
{
  (void)state;
  const fmp_spec spec = vector_spec(FMP_F32, N);
  fmp_tensor *x = NULL, *y[2];
  fmp_graph *g = NULL;
  fmp_plan *plan = NULL;
  fmp_instance *instance = NULL;
  double first[N], second[N], again[N], twin[N];
  OK(fmp_trace_begin(NULL, &spec, 1, 0, &x));
  y[0] = call("sdk_noise", 1, x);
  y[1] = call("sdk_noise", 1, x); /* never merged with its like */
  OK(fmp_trace_end(y, 2, &g));
  drop(3, x, y[0], y[1]);
  OK(fmp_plan_new(g, NULL, 0, 0, &plan));
  OK(fmp_instance_new(plan, 0, &instance));
  x = vector(N, (const float[N]){0});
  double *const into[] = {first, second, again};
  for (int i = 0; i < 3; i++) {
    if (i != 1) fmp_random_seed(3);
    OK(fmp_instance_run(instance, &x, 1, y, 2));
    OK(fmp_tensor_read(y[0], into[i], N * (int64_t)sizeof(double)));
    OK(fmp_tensor_read(y[1], twin, N * (int64_t)sizeof(double)));
    assert_false(same(into[i], twin));
    drop(2, y[0], y[1]);
  }
  assert_false(same(first, second));
  assert_true(same(first, again));
  fmp_tensor_release(x);
  fmp_instance_release(instance);
  fmp_plan_release(plan);
  fmp_graph_release(g);
}

/* A plan of four times some noise, and what it draws with seed 3. */
static void draw_fourfold(fmp_graph *g, uint32_t flags, const char *op_in_plan, double *values)
{
  fmp_tensor *x = vector(N, (const float[N]){0}), *y = NULL;
  fmp_plan *plan = NULL;
  fmp_instance *instance = NULL;
  OK(fmp_plan_new(g, NULL, 0, flags, &plan));
  assert_non_null(strstr(fmp_plan_text(plan), op_in_plan));
  OK(fmp_instance_new(plan, 0, &instance));
  fmp_random_seed(3);
  OK(fmp_instance_run(instance, &x, 1, &y, 1));
  OK(fmp_tensor_read(y, values, N * (int64_t)sizeof(double)));
  drop(2, x, y);
  fmp_instance_release(instance);
  fmp_plan_release(plan);
}

/* The rewrite emits the random op anew: it is the same op of the program still. */
static void rewrites_change_no_draw(void **state)
{
  (void)state;
  const fmp_spec spec = vector_spec(FMP_F32, N);
  fmp_tensor *x = NULL;
  fmp_graph *g = NULL;
  double plain[N], rewritten[N];
  OK(fmp_trace_begin(NULL, &spec, 1, 0, &x));
  fmp_tensor *noise = call("sdk_noise", 1, x), *y = call("sdk_quadruple", 1, noise);
  OK(fmp_trace_end(&y, 1, &g));
  drop(3, x, noise, y);
  draw_fourfold(g, FMP_NO_REWRITES, "sdk_quadruple", plain);
  draw_fourfold(g, 0, "sdk_double", rewritten);
  assert_true(same(plain, rewritten));
  fmp_graph_release(g);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(same_seed_same_draws),    cmocka_unit_test(state_can_be_kept),
      cmocka_unit_test(scopes_draw_apart),       cmocka_unit_test(plans_take_a_step_each),
      cmocka_unit_test(rewrites_change_no_draw),
  };
  return cmocka_run_group_tests(tests, load_sdk_plugin, NULL);
}
