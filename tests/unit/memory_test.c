/* SPDX-License-Identifier: Apache-2.0
 * Failed allocations: each allocation of each scenario fails once. The scenario must end with
 * FMP_ENOMEM, give back all it held, and succeed when it is run again. */
#include "model.h"

#include <string.h>

static const float x_values[] = {1, 2, -3, 4, 5, -6};
static const float targets[] = {1, 0, 1};

static fmp_status tensor_from(int64_t rows, int64_t cols, const float *values, fmp_tensor **t)
{
  const fmp_spec spec = matrix_spec(FMP_F32, rows, cols);
  return fmp_tensor_from(NULL, &spec, values, rows * cols * (int64_t)sizeof(float), t);
}

/* -- scenarios: each returns the first failure and leaves nothing behind ---- */

/* Record a network, its gradients and its update. */
static fmp_status eager_step(void)
{
  model m;
  fmp_tensor *x = NULL, *target = NULL, *loss = NULL;
  fmp_status status = model_new(&m);
  if (status != FMP_OK) return status;
  status = tensor_from(3, 2, x_values, &x);
  if (status == FMP_OK) status = tensor_from(3, 1, targets, &target);
  if (status == FMP_OK) status = model_step(&m, x, target, &loss);
  drop(3, x, target, loss);
  model_free(&m);
  return status;
}

static fmp_status run_graph(fmp_graph *g, fmp_tensor *x, fmp_tensor *target)
{
  fmp_tensor *const in[] = {x, target};
  fmp_tensor *loss = NULL;
  fmp_plan *plan = NULL;
  fmp_instance *instance = NULL;
  fmp_status status = fmp_plan_new(g, NULL, 0, 0, &plan);
  if (status == FMP_OK) status = fmp_instance_new(plan, 0, &instance);
  if (status == FMP_OK) status = fmp_instance_run(instance, in, 2, &loss, 1);
  fmp_tensor_release(loss);
  if (instance) fmp_instance_release(instance);
  if (plan) fmp_plan_release(plan);
  return status;
}

static fmp_status trace_step(const model *m, fmp_graph **g)
{
  const fmp_spec specs[] = {matrix_spec(FMP_F32, 3, 2), matrix_spec(FMP_F32, 3, 1)};
  fmp_tensor *in[2] = {NULL}, *loss = NULL;
  fmp_status status = fmp_trace_begin(NULL, specs, 2, 0, in);
  if (status != FMP_OK) return status;
  status = model_step(m, in[0], in[1], &loss);
  if (status == FMP_OK)
    status = fmp_trace_end(&loss, 1, g);
  else
    fmp_trace_abort();
  drop(3, in[0], in[1], loss);
  return status;
}

/* The same step traced, planned and run. */
static fmp_status compiled_step(void)
{
  model m;
  fmp_tensor *x = NULL, *target = NULL;
  fmp_graph *g = NULL;
  fmp_status status = model_new(&m);
  if (status != FMP_OK) return status;
  status = trace_step(&m, &g);
  if (status == FMP_OK) status = tensor_from(3, 2, x_values, &x);
  if (status == FMP_OK) status = tensor_from(3, 1, targets, &target);
  if (status == FMP_OK) status = run_graph(g, x, target);
  drop(2, x, target);
  if (g) fmp_graph_release(g);
  model_free(&m);
  return status;
}

static fmp_status save_and_load(void)
{
  model m;
  fmp_graph *g = NULL, *loaded = NULL;
  const char *path = scratch_path("memory.safetensors");
  fmp_status status = model_new(&m);
  if (status != FMP_OK) return status;
  status = model_trace(&m, 3, &g);
  if (status == FMP_OK) status = fmp_graph_save(g, path);
  if (status == FMP_OK) status = fmp_graph_load(path, NULL, &loaded);
  if (g) fmp_graph_release(g);
  if (loaded) fmp_graph_release(loaded);
  model_free(&m);
  return status;
}

static fmp_status scopes_and_names(void)
{
  fmp_tensor *x = NULL;
  fmp_status status = fmp_scope_push("a");
  if (status != FMP_OK) return status;
  status = tensor_from(3, 2, x_values, &x);
  if (status == FMP_OK) status = fmp_tensor_set_name(x, "x");
  fmp_scope_pop();
  fmp_tensor_release(x);
  return status;
}

static fmp_status counter(void)
{
  fmp_resource *r = NULL;
  fmp_tensor *y = NULL;
  const void *bytes;
  int64_t n;
  fmp_status status = fmp_resource_open("sdk_counter", NULL, 0, &r);
  if (status != FMP_OK) return status;
  fmp_attr a = fmp_attr_of("counter", FMP_ATTR_RESOURCE);
  a.value.resource = r;
  status = fmp_emit(op("sdk_next"), &a, 1, NULL, 0, &y, 1);
  if (status == FMP_OK) status = fmp_resource_save(r, &bytes, &n);
  fmp_tensor_release(y);
  fmp_resource_release(r);
  return status;
}

/* -- the loop -------------------------------------------------------------- */

enum { LIMIT = 100000 };

/* One failure at allocation k. Returns 0 once the scenario has fewer allocations. */
static int fail_at(fmp_status (*scenario)(void), int64_t k)
{
  fmp_fail_allocation(k);
  const fmp_status status = scenario();
  const int64_t made = fmp_allocation_count();
  fmp_fail_allocation(-1);
  if (made <= k) {
    OK(status);
    return 0;
  }
  if (status != FMP_ENOMEM)
    fail_msg("allocation %lld of %lld failed, and the call returned %s: %s", (long long)k,
             (long long)made, fmp_status_name(status), fmp_last_error());
  assert_true(strlen(fmp_last_error()) > 0);
  assert_int_equal(fmp_mode(), 0);
  assert_string_equal(fmp_scope_path(), "");
  return 1;
}

static void exhaust(fmp_status (*scenario)(void))
{
  OK(scenario()); /* fills whatever is cached */
  OK(scenario());
  const int64_t live = fmp_live_bytes(), tensors = fmp_tensor_bytes();
  int64_t k = 0;
  while (k < LIMIT && fail_at(scenario, k)) {
    OK(scenario());
    if (fmp_tensor_bytes() != tensors || fmp_live_bytes() != live)
      fail_msg("after a failure at allocation %lld: %lld bytes more than before", (long long)k,
               (long long)(fmp_live_bytes() - live));
    k++;
  }
  assert_true(k > 1);
  assert_true(k < LIMIT);
  print_message("%lld allocations\n", (long long)k);
}

static void in_eager_step(void **state) { (void)state, exhaust(eager_step); }
static void in_compiled_step(void **state) { (void)state, exhaust(compiled_step); }
static void in_save_and_load(void **state) { (void)state, exhaust(save_and_load); }
static void in_scopes_and_names(void **state) { (void)state, exhaust(scopes_and_names); }
static void in_counter(void **state) { (void)state, exhaust(counter); }

/* Allocations of one more run of a plan, which has run before. */
static int64_t allocations_of_run(fmp_instance *instance, fmp_tensor *const *in, int32_t n_in,
                                  fmp_spec *spec)
{
  fmp_tensor *loss = NULL;
  fmp_fail_allocation(-1);
  OK(fmp_instance_run(instance, in, n_in, &loss, 1));
  const int64_t made = fmp_allocation_count();
  fmp_tensor_spec(loss, spec);
  fmp_tensor_release(loss);
  return made;
}

/* A step of training allocates the loss that it returns, and nothing else. */
static void step_allocates_its_result(void **state)
{
  (void)state;
  model m;
  fmp_tensor *in[2] = {NULL}, *alike = NULL;
  fmp_graph *g = NULL;
  fmp_plan *plan = NULL;
  fmp_instance *instance = NULL;
  fmp_spec spec;
  OK(model_new(&m));
  OK(trace_step(&m, &g));
  OK(tensor_from(3, 2, x_values, &in[0]));
  OK(tensor_from(3, 1, targets, &in[1]));
  OK(fmp_plan_new(g, NULL, 0, 0, &plan));
  OK(fmp_instance_new(plan, 0, &instance));
  allocations_of_run(instance, in, 2, &spec); /* opens streams */
  const int64_t made = allocations_of_run(instance, in, 2, &spec);
  fmp_fail_allocation(-1);
  OK(fmp_tensor_new(NULL, &spec, &alike));
  assert_int_equal(made, fmp_allocation_count());
  drop(3, in[0], in[1], alike);
  fmp_instance_release(instance);
  fmp_plan_release(plan);
  fmp_graph_release(g);
  model_free(&m);
}

/* The counters are right: they show nothing at all after everything has been released. */
static void counted(void **state)
{
  (void)state;
  const int64_t before = fmp_tensor_bytes();
  fmp_tensor *t = matrix(3, 2, x_values);
  assert_true(fmp_tensor_bytes() >= before + (int64_t)sizeof x_values);
  assert_true(fmp_live_bytes() >= fmp_tensor_bytes());
  fmp_fail_allocation(-1);
  fmp_tensor *u = matrix(3, 2, x_values);
  assert_true(fmp_allocation_count() >= 1);
  drop(2, t, u);
  assert_int_equal(fmp_tensor_bytes(), before);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(counted),
      cmocka_unit_test(in_scopes_and_names),
      cmocka_unit_test(in_counter),
      cmocka_unit_test(in_eager_step),
      cmocka_unit_test(in_compiled_step),
      cmocka_unit_test(in_save_and_load),
      cmocka_unit_test(step_allocates_its_result),
  };
  return cmocka_run_group_tests(tests, load_sdk_plugin, NULL);
}
