/* SPDX-License-Identifier: Apache-2.0
 * Where a plan puts its values: none over another that is still needed, whatever the program; gaps
 * are used; the same program gets the same places. */
#define _XOPEN_SOURCE 700 /* strdup */
#include "support.h"

#include <stdlib.h>
#include <string.h>

enum { ALIGNED = 64, MOST_OUTPUTS = 8, FIRST_SIZE = 40 };

/* A program that is run, or traced: makes the outputs from x. */
typedef void (*program)(uint32_t seed, fmp_tensor *x, fmp_tensor **out, int32_t n_out);

static int64_t size_of(const fmp_tensor *t)
{
  fmp_spec spec;
  fmp_tensor_spec(t, &spec);
  return spec.shape[0];
}

static fmp_tensor *counting(int64_t n)
{
  float *values = malloc((size_t)n * sizeof *values);
  for (int64_t i = 0; i < n; i++) values[i] = (float)(i + 1);
  fmp_tensor *t = vector(n, values);
  free(values);
  return t;
}

static fmp_plan *plan_of(program f, uint32_t seed, int64_t n, int32_t n_out)
{
  const fmp_spec spec = vector_spec(FMP_F32, n);
  fmp_tensor *x = NULL, *out[MOST_OUTPUTS];
  fmp_graph *g = NULL;
  fmp_plan *plan = NULL;
  OK(fmp_trace_begin(NULL, &spec, 1, FMP_NO_REWRITES, &x));
  f(seed, x, out, n_out);
  OK(fmp_trace_end(out, n_out, &g));
  fmp_tensor_release(x);
  for (int32_t i = 0; i < n_out; i++) fmp_tensor_release(out[i]);
  OK(fmp_plan_new(g, NULL, 0, 0, &plan));
  fmp_graph_release(g);
  return plan;
}

/* -- programs from a seed -------------------------------------------------- */

enum { VALUES = 24, OPS = 150, LONGEST = 3000 };

typedef struct draws {
  uint32_t state;
  fmp_tensor
      *values[VALUES]; /* what later ops may read; the program lets go of each at some time */
} draws;

static uint32_t draw(draws *d, uint32_t below)
{
  d->state = d->state * 1664525u + 1013904223u;
  return (d->state >> 8) % below;
}

static fmp_tensor *any(draws *d) { return d->values[draw(d, VALUES)]; }

static fmp_tensor *part(draws *d)
{
  fmp_tensor *t = any(d);
  const int64_t start[] = {draw(d, (uint32_t)size_of(t))};
  const int64_t size[] = {1 + draw(d, (uint32_t)(size_of(t) - start[0]))};
  const fmp_attr attrs[] = {fmp_attr_i64s("start", start, 1), fmp_attr_i64s("size", size, 1)};
  return call_with("slice", attrs, 2, 1, t);
}

static fmp_tensor *joined(draws *d)
{
  const fmp_attr axis = fmp_attr_i64("axis", 1);
  fmp_tensor *a = any(d), *b = any(d);
  if (size_of(a) + size_of(b) > LONGEST) return call("abs", 1, a);
  return call_with("concat", &axis, 1, 2, a, b);
}

/* Where sizes differ it is the sum of one with itself. */
static fmp_tensor *sum(draws *d)
{
  fmp_tensor *a = any(d), *b = any(d);
  return call("add", 2, a, size_of(a) == size_of(b) ? b : a);
}

static fmp_tensor *next_value(draws *d)
{
  switch (draw(d, 6)) {
  case 0: return part(d);
  case 1: return joined(d);
  case 2: return sum(d);
  case 3: return call("abs", 1, any(d));
  default: return call("neg", 1, any(d));
  }
}

static void drawn(uint32_t seed, fmp_tensor *x, fmp_tensor **out, int32_t n_out)
{
  draws d = {.state = seed};
  for (int i = 0; i < VALUES; i++) d.values[i] = fmp_tensor_retain(x);
  for (int i = 0; i < OPS; i++) {
    fmp_tensor *made = next_value(&d);
    const uint32_t at = draw(&d, VALUES);
    fmp_tensor_release(d.values[at]);
    d.values[at] = made;
  }
  for (int32_t i = 0; i < n_out; i++) out[i] = call("neg", 1, any(&d));
  for (int i = 0; i < VALUES; i++) fmp_tensor_release(d.values[i]);
}

static void expect_same_bits(const fmp_tensor *got, const fmp_tensor *want)
{
  const int64_t n = size_of(want);
  const size_t bytes = (size_t)n * sizeof(float);
  float *a = malloc(bytes), *b = malloc(bytes);
  assert_int_equal(size_of(got), n);
  values_of(got, n, a);
  values_of(want, n, b);
  assert_memory_equal(a, b, bytes);
  free(a);
  free(b);
}

/* Twice: the second run finds what the first has left in the arena. */
static void expect_as_without_a_plan(fmp_plan *plan, uint32_t seed)
{
  fmp_tensor *x = counting(FIRST_SIZE), *want[MOST_OUTPUTS], *got[MOST_OUTPUTS];
  fmp_instance *instance = NULL;
  drawn(seed, x, want, MOST_OUTPUTS);
  OK(fmp_instance_new(plan, 0, &instance));
  for (int turn = 0; turn < 2; turn++) {
    OK(fmp_instance_run(instance, &x, 1, got, MOST_OUTPUTS));
    for (int i = 0; i < MOST_OUTPUTS; i++) {
      expect_same_bits(got[i], want[i]);
      fmp_tensor_release(got[i]);
    }
  }
  for (int i = 0; i < MOST_OUTPUTS; i++) fmp_tensor_release(want[i]);
  fmp_instance_release(instance);
  fmp_tensor_release(x);
}

static void nothing_lies_over_what_is_needed(void **state)
{
  (void)state;
  for (uint32_t seed = 1; seed <= 60; seed++) {
    fmp_plan *plan = plan_of(drawn, seed, FIRST_SIZE, MOST_OUTPUTS);
    assert_true(fmp_plan_arena_bytes(plan) > 0);
    expect_as_without_a_plan(plan, seed);
    fmp_plan_release(plan);
  }
}

static void the_same_program_gets_the_same_places(void **state)
{
  (void)state;
  for (uint32_t seed = 100; seed < 110; seed++) {
    fmp_plan *one = plan_of(drawn, seed, FIRST_SIZE, MOST_OUTPUTS);
    fmp_plan *other = plan_of(drawn, seed, FIRST_SIZE, MOST_OUTPUTS);
    char *text = strdup(fmp_plan_text(one));
    assert_string_equal(text, fmp_plan_text(other));
    free(text);
    fmp_plan_release(one);
    fmp_plan_release(other);
  }
}

/* -- how much memory it takes ---------------------------------------------- */

enum { MANY = 3000 };

/* Each is made of the one before, and all are read again at the end, the last one first. */
static void all_needed_at_once(uint32_t seed, fmp_tensor *x, fmp_tensor **out, int32_t n_out)
{
  (void)seed;
  (void)n_out;
  fmp_tensor **values = calloc(MANY, sizeof(fmp_tensor *));
  values[0] = call("neg", 1, x);
  for (int i = 1; i < MANY; i++) values[i] = call(i % 2 ? "abs" : "neg", 1, values[i - 1]);
  fmp_tensor *total = call("neg", 1, values[MANY - 1]);
  for (int i = MANY; i-- > 0;) {
    fmp_tensor *sum_so_far = call("add", 2, total, values[i]);
    drop(2, total, values[i]);
    total = sum_so_far;
  }
  out[0] = total;
  free(values);
}

static void many_lie_side_by_side(void **state)
{
  (void)state;
  fmp_plan *plan = plan_of(all_needed_at_once, 0, ALIGNED / 4, 1);
  const int64_t bytes = fmp_plan_arena_bytes(plan);
  assert_true(bytes >= (int64_t)MANY * ALIGNED && bytes <= ((int64_t)MANY + 2) * ALIGNED);
  fmp_plan_release(plan);
}

enum { BIG = 16 * 1024 }; /* elements */

/* a is needed until the end; where b has been, c and d find room, half as large each. */
static void a_gap_in_the_middle(uint32_t seed, fmp_tensor *x, fmp_tensor **out, int32_t n_out)
{
  (void)seed;
  (void)n_out;
  static const int64_t size[] = {BIG / 2};
  const fmp_attr half = fmp_attr_i64s("size", size, 1);
  fmp_tensor *a = call("neg", 1, x), *b = call("abs", 1, x), *of_b = call("sum", 1, b);
  fmp_tensor *part_of_x = call_with("slice", &half, 1, 1, x);
  fmp_tensor *c = call("exp", 1, part_of_x), *d = call("square", 1, part_of_x);
  fmp_tensor *both = call("add", 2, c, d), *of_both = call("sum", 1, both);
  fmp_tensor *sums = call("add", 2, of_b, of_both);
  out[0] = call("add", 2, a, sums);
  drop(9, a, b, of_b, part_of_x, c, d, both, of_both, sums);
}

static void gaps_are_used(void **state)
{
  (void)state;
  fmp_plan *plan = plan_of(a_gap_in_the_middle, 0, BIG, 1);
  const int64_t bytes = fmp_plan_arena_bytes(plan);
  assert_true(bytes >= 2 * BIG * 4 && bytes < 2 * BIG * 4 + 8 * ALIGNED);
  fmp_plan_release(plan);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(nothing_lies_over_what_is_needed),
      cmocka_unit_test(the_same_program_gets_the_same_places),
      cmocka_unit_test(many_lie_side_by_side),
      cmocka_unit_test(gaps_are_used),
  };
  return cmocka_run_group_tests(tests, load_plugins, NULL);
}
