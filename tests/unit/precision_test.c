/* SPDX-License-Identifier: Apache-2.0
 * Traces of low precision as a C program sees them: what their graphs hold and give, saving
 * them, and failed allocations on the way. */
#include "model.h"

#include <string.h>

static const float x_values[] = {1, 2, -3, 4, 5, -6};
static const float targets[] = {1, 0, 1};

/* y of the model for x of n rows, traced. */
static fmp_status trace_model(const model *m, int64_t n, uint32_t flags, fmp_graph **g)
{
  const fmp_spec spec = matrix_spec(FMP_F32, n, 2);
  fmp_tensor *x = NULL, *y = NULL;
  fmp_status status = fmp_trace_begin(NULL, &spec, 1, flags, &x);
  if (status != FMP_OK) return status;
  status = model_forward(m, x, &y);
  if (status == FMP_OK)
    status = fmp_trace_end(&y, 1, g);
  else
    fmp_trace_abort();
  drop(2, x, y);
  return status;
}

static int count(const char *text, const char *word)
{
  int n = 0;
  for (const char *at = text; (at = strstr(at, word)); at += strlen(word)) n++;
  return n;
}

static void casts_inputs_and_the_output(void **state)
{
  (void)state;
  model m;
  fmp_graph *g = NULL;
  fmp_spec spec;
  OK(model_new(&m));
  OK(trace_model(&m, 3, FMP_LOW_PRECISION, &g));
  /* x, w1 and w2 down; y up. The model's values are whole numbers, which bf16 holds. */
  assert_int_equal(count(fmp_graph_text(g), "cast"), 4);
  OK(fmp_graph_output_spec(g, 0, &spec));
  assert_int_equal(spec.dtype, FMP_F32);
  fmp_tensor *x = matrix(3, 2, x_values), *y = NULL;
  float want[3];
  model_expect(x_values, 3, want);
  OK(model_replay(g, x, &y));
  expect_values(y, 3, want, 0);
  fmp_graph_release(g);
  OK(trace_model(&m, 3, 0, &g));
  assert_int_equal(count(fmp_graph_text(g), "cast"), 0);
  fmp_graph_release(g);
  drop(2, x, y);
  model_free(&m);
}

static void rounds_what_is_cast(void **state)
{
  (void)state;
  const fmp_spec spec = matrix_spec(FMP_F32, 1, 1);
  const float odd = 1.00390625F, one = 1; /* 1 + 2^-8: halfway, to the even 1 */
  fmp_tensor *w = matrix(1, 1, &one), *x = NULL, *value = matrix(1, 1, &odd), *got = NULL;
  fmp_graph *g = NULL;
  OK(fmp_trace_begin(NULL, &spec, 1, FMP_LOW_PRECISION, &x));
  fmp_tensor *y = call("matmul", 2, x, w);
  OK(fmp_trace_end(&y, 1, &g));
  OK(model_replay(g, value, &got));
  expect_values(got, 1, &one, 0);
  fmp_graph_release(g);
  drop(5, w, x, value, got, y);
}

static void saves_and_loads(void **state)
{
  (void)state;
  const char *path = scratch_path("low.safetensors");
  const float more[] = {1, 2, -3, 4, 5, -6, 0.5F, 0.25F};
  model m;
  fmp_graph *g = NULL, *loaded = NULL, *other = NULL;
  OK(model_new(&m));
  OK(trace_model(&m, 3, FMP_LOW_PRECISION, &g));
  OK(trace_model(&m, 5, FMP_LOW_PRECISION, &other));
  OK(fmp_graph_compare(g, other));
  assert_null(fmp_graph_batch_note(g));
  OK(fmp_graph_save(g, path));
  OK(fmp_graph_load(path, NULL, &loaded));
  assert_int_equal(count(fmp_graph_text(loaded), "cast"), 4);
  fmp_tensor *x = matrix(4, 2, more), *y = NULL, *again = NULL;
  float want[4];
  OK(model_replay(g, x, &y));
  OK(model_replay(loaded, x, &again));
  values_of(y, 4, want);
  expect_values(again, 4, want, 0);
  fmp_graph_release(g);
  fmp_graph_release(loaded);
  fmp_graph_release(other);
  drop(3, x, y, again);
  model_free(&m);
}

/* (x, dy, w~) with all in f32: x and dy are cast, w lends its spec alone. */
static void spec_only_inputs_stay(void **state)
{
  (void)state;
  const int64_t image[] = {1, 3, 3, 2}, filters[] = {4, 2, 2, 2}, out[] = {1, 2, 2, 4};
  const fmp_spec specs[] = {spec_of(FMP_F32, 4, image), spec_of(FMP_F32, 4, out),
                            spec_of(FMP_F32, 4, filters)};
  fmp_tensor *in[3] = {NULL};
  fmp_graph *g = NULL;
  fmp_spec spec;
  OK(fmp_trace_begin(NULL, specs, 3, FMP_LOW_PRECISION, in));
  fmp_tensor *dw = call("conv2d_back_weights", 3, in[0], in[1], in[2]);
  fmp_tensor_spec(dw, &spec);
  assert_int_equal(spec.dtype, FMP_F32);
  OK(fmp_trace_end(&dw, 1, &g));
  assert_int_equal(count(fmp_graph_text(g), "cast"), 2);
  fmp_graph_release(g);
  drop(4, in[0], in[1], in[2], dw);
}

/* -- a step of training ---------------------------------------------------- */

static fmp_status trace_step(const model *m, uint32_t flags, fmp_graph **g)
{
  const fmp_spec specs[] = {matrix_spec(FMP_F32, 3, 2), matrix_spec(FMP_F32, 3, 1)};
  fmp_tensor *in[2] = {NULL}, *loss = NULL;
  fmp_status status = fmp_trace_begin(NULL, specs, 2, flags, in);
  if (status != FMP_OK) return status;
  status = model_step(m, in[0], in[1], &loss);
  if (status == FMP_OK)
    status = fmp_trace_end(&loss, 1, g);
  else
    fmp_trace_abort();
  drop(3, in[0], in[1], loss);
  return status;
}

static fmp_status run_step(fmp_graph *g, fmp_tensor *x, fmp_tensor *target, fmp_tensor **loss)
{
  fmp_tensor *const in[] = {x, target};
  fmp_plan *plan = NULL;
  fmp_instance *instance = NULL;
  fmp_status status = fmp_plan_new(g, NULL, 0, 0, &plan);
  if (status == FMP_OK) status = fmp_instance_new(plan, 0, &instance);
  if (status == FMP_OK) status = fmp_instance_run(instance, in, 2, loss, 1);
  if (instance) fmp_instance_release(instance);
  if (plan) fmp_plan_release(plan);
  return status;
}

/* One step from the model's start: its loss, and w1 after it. */
static void step_once(uint32_t flags, double *loss, float w1[6])
{
  model m;
  fmp_graph *g = NULL;
  fmp_tensor *x = matrix(3, 2, x_values), *target = matrix(3, 1, targets), *made = NULL;
  fmp_spec spec;
  OK(model_new(&m));
  OK(trace_step(&m, flags, &g));
  OK(run_step(g, x, target, &made));
  fmp_tensor_spec(made, &spec);
  assert_int_equal(spec.dtype, FMP_F32);
  *loss = item_of(made);
  values_of(m.w1, 6, w1);
  fmp_graph_release(g);
  drop(3, x, target, made);
  model_free(&m);
}

static void updates_masters_in_f32(void **state)
{
  (void)state;
  double loss, low_loss;
  float w1[6], low_w1[6];
  int below_bf16 = 0;
  step_once(0, &loss, w1);
  step_once(FMP_LOW_PRECISION, &low_loss, low_w1);
  NEAR(low_loss, loss, 0.01 * loss);
  for (int i = 0; i < 6; i++) {
    uint32_t bits;
    memcpy(&bits, &low_w1[i], sizeof bits);
    below_bf16 += (bits & 0xFFFF) != 0;
    NEAR((double)low_w1[i], (double)w1[i],
         0.01 * (1 + (w1[i] < 0 ? -(double)w1[i] : (double)w1[i])));
  }
  assert_true(below_bf16 > 0);
}

/* -- memory ---------------------------------------------------------------- */

static fmp_status low_step(fmp_tensor *x, fmp_tensor *target)
{
  model m;
  fmp_graph *g = NULL;
  fmp_tensor *loss = NULL;
  fmp_status status = model_new(&m);
  if (status != FMP_OK) return status;
  status = trace_step(&m, FMP_LOW_PRECISION, &g);
  if (status == FMP_OK) status = run_step(g, x, target, &loss);
  if (g) fmp_graph_release(g);
  fmp_tensor_release(loss);
  model_free(&m);
  return status;
}

static void every_allocation_may_fail(void **state)
{
  (void)state;
  fmp_tensor *x = matrix(3, 2, x_values), *target = matrix(3, 1, targets);
  OK(low_step(x, target));
  const int64_t held = fmp_live_bytes();
  fmp_fail_allocation(-1);
  OK(low_step(x, target));
  const int64_t n = fmp_allocation_count();
  assert_true(n > 50);
  for (int64_t i = 0; i < n; i++) {
    fmp_fail_allocation(i);
    FAILS(low_step(x, target), FMP_ENOMEM, "memory");
    assert_int_equal(fmp_live_bytes(), held);
  }
  fmp_fail_allocation(-1);
  OK(low_step(x, target));
  drop(2, x, target);
}

/* What was cast for an op that then fails must not stay: the plan would want a tensor that only the
 * failed op had captured. */
static void failed_ops_leave_nothing(void **state)
{
  (void)state;
  const fmp_spec spec = vector_spec(FMP_F32, 3);
  const float values[] = {1, 2};
  const fmp_attr to_bf16 = fmp_attr_dtype("dtype", FMP_BF16);
  fmp_tensor *wide = vector(2, values), *low = call_with("cast", &to_bf16, 1, 1, wide);
  fmp_tensor *x = NULL, *y = NULL;
  fmp_graph *g = NULL;
  fmp_plan *plan = NULL;
  OK(fmp_trace_begin(NULL, &spec, 1, FMP_LOW_PRECISION, &x));
  FAILS(fmp_emit(op("add"), NULL, 0, (fmp_tensor *[]){low, x}, 2, &y, 1), FMP_ESHAPE, "add");
  y = call("neg", 1, x);
  OK(fmp_trace_end(&y, 1, &g));
  assert_int_equal(count(fmp_graph_text(g), "captured"), 0);
  assert_int_equal(count(fmp_graph_text(g), "cast"), 0);
  fmp_tensor_empty(low);
  OK(fmp_plan_new(g, NULL, 0, 0, &plan));
  fmp_plan_release(plan);
  fmp_graph_release(g);
  drop(4, wide, low, x, y);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(casts_inputs_and_the_output),
      cmocka_unit_test(rounds_what_is_cast),
      cmocka_unit_test(saves_and_loads),
      cmocka_unit_test(spec_only_inputs_stay),
      cmocka_unit_test(updates_masters_in_f32),
      cmocka_unit_test(every_allocation_may_fail),
      cmocka_unit_test(failed_ops_leave_nothing),
  };
  return cmocka_run_group_tests_name("precision", tests, load_plugins, NULL);
}
