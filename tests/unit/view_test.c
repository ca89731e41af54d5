/* SPDX-License-Identifier: Apache-2.0
 * Views that ops make of their input's memory: any strides that a plugin may return, eagerly and
 * in plans, and what a plan may do in place where a view reads elements of another type. */
#include "support.h"

#include <string.h>

enum { N = 6 };

static int load_views(void **state)
{
  if (load_plugins(state) != 0) return 1;
  return fmp_plugin_load(FMP_TEST_PLUGINS "/hostile/fmp_views.so") != FMP_OK;
}

static fmp_status view_of(fmp_tensor *x, int64_t stride, int64_t offset, fmp_tensor **y)
{
  const fmp_attr attrs[] = {fmp_attr_i64("stride", stride), fmp_attr_i64("offset", offset)};
  return fmp_emit(op("hostile_view"), attrs, 2, &x, 1, y, 1);
}

static fmp_graph *graph_of_view(const fmp_spec *spec, int64_t stride, int64_t offset)
{
  fmp_tensor *x = NULL, *view = NULL;
  fmp_graph *g = NULL;
  OK(fmp_trace_begin(NULL, spec, 1, 0, &x));
  OK(view_of(x, stride, offset, &view));
  fmp_tensor *y = call("neg", 1, view);
  OK(fmp_trace_end(&y, 1, &g));
  drop(3, x, view, y);
  return g;
}

static fmp_status run_planned(fmp_tensor *x, int64_t stride, int64_t offset, fmp_tensor **y)
{
  fmp_spec spec;
  fmp_plan *plan = NULL;
  fmp_instance *instance = NULL;
  fmp_tensor_spec(x, &spec);
  fmp_graph *g = graph_of_view(&spec, stride, offset);
  fmp_status status = fmp_plan_new(g, NULL, 0, 0, &plan);
  if (status == FMP_OK) status = fmp_instance_new(plan, 0, &instance);
  if (status == FMP_OK) status = fmp_instance_run(instance, &x, 1, y, 1);
  fmp_instance_release(instance);
  fmp_plan_release(plan);
  fmp_graph_release(g);
  return status;
}

static fmp_status run_eagerly(fmp_tensor *x, int64_t stride, int64_t offset, fmp_tensor **y)
{
  fmp_tensor *view = NULL;
  const fmp_status status = view_of(x, stride, offset, &view);
  if (status == FMP_OK) *y = call("neg", 1, view);
  fmp_tensor_release(view);
  return status;
}

/* Inside of the memory: element k is offset + k * stride of x; by arithmetic that cannot
 * overflow, since both are small then. */
static int is_inside(int64_t stride, int64_t offset)
{
  const int64_t limit = 100;
  if (stride < -limit || stride > limit || offset < -limit || offset > limit) return 0;
  const int64_t last = offset + (N - 1) * stride;
  return offset >= 0 && offset < N && last >= 0 && last < N;
}

static void no_strides_leave_the_memory(void **state)
{
  (void)state;
  static const int64_t strides[] = {0,
                                    1,
                                    -1,
                                    2,
                                    5,
                                    6,
                                    -5,
                                    INT64_MAX,
                                    INT64_MIN,
                                    INT64_MAX / 4,
                                    INT64_MAX / 5 + 1,
                                    INT64_MIN / 4,
                                    INT64_MIN / 20,
                                    INT64_C(1) << 62,
                                    INT64_C(1) << 60,
                                    -(INT64_C(1) << 61)};
  static const int64_t offsets[] = {0, 1, 5, 6, -1, 1000, INT64_MAX / 8, INT64_MIN / 8};
  const float values[N] = {1, 2, 3, 4, 5, 6};
  fmp_tensor *x = vector(N, values);
  int inside = 0;
  for (size_t s = 0; s < sizeof strides / sizeof strides[0]; s++)
    for (size_t o = 0; o < sizeof offsets / sizeof offsets[0]; o++) {
      const int64_t stride = strides[s], offset = offsets[o];
      fmp_tensor *eager = NULL, *planned = NULL;
      float want[N];
      if (!is_inside(stride, offset)) {
        FAILS(run_eagerly(x, stride, offset, &eager), FMP_EPLUGIN, "beyond its input's");
        FAILS(run_planned(x, stride, offset, &planned), FMP_EPLUGIN, "beyond its input's");
        continue;
      }
      inside++;
      for (int64_t k = 0; k < N; k++) want[k] = -values[offset + k * stride];
      OK(run_eagerly(x, stride, offset, &eager));
      OK(run_planned(x, stride, offset, &planned));
      expect_values(eager, N, want, 0);
      expect_values(planned, N, want, 0);
      drop(2, eager, planned);
    }
  assert_true(inside >= 5);
  fmp_tensor_release(x);
}

/* The bytes of what neg made, of which the first N are turned into floats: a kernel that may work
 * in place, but not over bytes that it has still to read. */
static void bytes_as_numbers(fmp_tensor *x, fmp_tensor **y)
{
  fmp_tensor *made = call("neg", 1, x), *bytes = call("hostile_bytes", 1, made);
  *y = call("hostile_head", 1, bytes);
  drop(2, made, bytes);
}

static void a_view_of_another_type_is_not_written_over(void **state)
{
  (void)state;
  const float values[N] = {1.1f, -2.2f, 3.3e5f, 4.4f, 5.5f, 6.6f};
  float want[N], got[N];
  const fmp_spec spec = vector_spec(FMP_F32, N);
  fmp_tensor *x = vector(N, values), *in = NULL, *eager = NULL, *planned = NULL;
  fmp_graph *g = NULL;
  fmp_plan *plan = NULL;
  fmp_instance *instance = NULL;
  bytes_as_numbers(x, &eager);
  OK(fmp_trace_begin(NULL, &spec, 1, 0, &in));
  fmp_tensor *out = NULL;
  bytes_as_numbers(in, &out);
  /* One op more, so that what is asked about lies in the plan's own memory. */
  fmp_tensor *last = call("neg", 1, out);
  OK(fmp_trace_end(&last, 1, &g));
  OK(fmp_plan_new(g, NULL, 0, 0, &plan));
  OK(fmp_instance_new(plan, 0, &instance));
  OK(fmp_instance_run(instance, &x, 1, &planned, 1));
  values_of(eager, N, want);
  values_of(planned, N, got);
  for (int i = 0; i < N; i++) NEAR((double)got[i], -(double)want[i], 0);
  fmp_instance_release(instance);
  fmp_plan_release(plan);
  fmp_graph_release(g);
  drop(6, x, in, eager, planned, out, last);
}

/* -- sizes ----------------------------------------------------------------- */

/* Each value could be somewhere by itself; five at a time are more than addresses can tell. */
static void values_too_large_together(void **state)
{
  (void)state;
  static const char *const ops[] = {"exp", "neg", "abs", "square", "tanh"};
  enum { COUNT = 5 };
  const fmp_spec spec = vector_spec(FMP_F32, INT64_MAX / 16);
  fmp_tensor *x = NULL, *sum = NULL, *made[COUNT];
  fmp_graph *g = NULL;
  fmp_plan *plan = NULL;
  OK(fmp_trace_begin(NULL, &spec, 1, 0, &x));
  for (int i = 0; i < COUNT; i++) made[i] = call(ops[i], 1, x);
  for (int i = 0; i < COUNT; i++) {
    fmp_tensor *more = sum ? call("add", 2, sum, made[i]) : fmp_tensor_retain(made[i]);
    fmp_tensor_release(sum);
    sum = more;
  }
  OK(fmp_trace_end(&sum, 1, &g));
  FAILS(fmp_plan_new(g, NULL, 0, 0, &plan), FMP_ENOMEM, "larger than memory can be");
  fmp_graph_release(g);
  drop(2, x, sum);
  for (int i = 0; i < COUNT; i++) fmp_tensor_release(made[i]);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(no_strides_leave_the_memory),
      cmocka_unit_test(a_view_of_another_type_is_not_written_over),
      cmocka_unit_test(values_too_large_together),
  };
  return cmocka_run_group_tests(tests, load_views, NULL);
}
