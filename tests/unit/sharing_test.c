/* SPDX-License-Identifier: Apache-2.0
 * Values that share memory: a traced function must do what it does when it is called, even if an
 * input turns out to be another input, or a tensor that the function captured. */
#include "support.h"

#include <string.h>

enum { N = 6 };

/* What f does, with the tensors of the test: x, a view or a copy of w as the case has it. */
typedef void (*function)(fmp_tensor *const *in, fmp_tensor **out);

static fmp_tensor *captured;

/* w -= 1 */
static void decrement(fmp_tensor *w)
{
  fmp_tensor *ones = call_with("fill_like", (fmp_attr[]){fmp_attr_f64("value", 1)}, 1, 1, w);
  fmp_tensor *rate = NULL;
  OK(fmp_outside_begin());
  OK(fmp_tensor_number(NULL, FMP_F32, 1, &rate));
  fmp_outside_end();
  fmp_tensor *const in[] = {w, NULL, ones, rate};
  OK(fmp_emit(op("sgd"), NULL, 0, in, 4, NULL, 0));
  drop(2, ones, rate);
}

/* -- functions ------------------------------------------------------------- */

/* An op before a write and the same op after it, as often as it is told to be merged. */
static void writes_captured(fmp_tensor *const *in, fmp_tensor **out)
{
  fmp_tensor *before = call("neg", 1, in[0]);
  decrement(captured);
  fmp_tensor *after = call("neg", 1, in[0]);
  out[0] = call("add", 2, before, after);
  drop(2, before, after);
}

static void writes_the_other(fmp_tensor *const *in, fmp_tensor **out)
{
  fmp_tensor *before = call("neg", 1, in[0]);
  decrement(in[1]);
  fmp_tensor *after = call("neg", 1, in[0]);
  out[0] = call("add", 2, before, after);
  drop(2, before, after);
}

static void reads_captured(fmp_tensor *const *in, fmp_tensor **out)
{
  fmp_tensor *before = call("neg", 1, captured);
  decrement(in[0]);
  fmp_tensor *after = call("neg", 1, captured);
  out[0] = call("add", 2, before, after);
  drop(2, before, after);
}

/* Through views: of the written one, and of the one that is read. */
static void writes_a_view(fmp_tensor *const *in, fmp_tensor **out)
{
  static const int64_t shape[] = {2, 3}, start[] = {1, 0};
  const fmp_attr attrs[] = {fmp_attr_i64s("shape", shape, 2), fmp_attr_i64s("start", start, 2)};
  fmp_tensor *rows = call_with("reshape", attrs, 1, 1, captured);
  fmp_tensor *second = call_with("slice", attrs + 1, 1, 1, rows);
  fmp_tensor *before = call("neg", 1, in[0]);
  decrement(second);
  fmp_tensor *after = call("neg", 1, in[0]);
  out[0] = call("add", 2, before, after);
  drop(4, rows, second, before, after);
}

/* What is handed back is what stands in it at the end. */
static void hands_back(fmp_tensor *const *in, fmp_tensor **out)
{
  decrement(captured);
  out[0] = call("neg", 1, in[0]);
}

/* Where a view is not possible there are two copies, of which one is written. */
static void writes_a_copy(fmp_tensor *const *in, fmp_tensor **out)
{
  static const int64_t shape[] = {2, 3}, flat[] = {6}, order[] = {2, 1};
  const fmp_attr as_rows = fmp_attr_i64s("shape", shape, 2),
                 as_flat = fmp_attr_i64s("shape", flat, 1);
  const fmp_attr turned = fmp_attr_i64s("axes", order, 2);
  fmp_tensor *rows = call_with("reshape", &as_rows, 1, 1, in[0]);
  fmp_tensor *t = call_with("transpose", &turned, 1, 1, rows);
  fmp_tensor *a = call_with("reshape", &as_flat, 1, 1, t);
  fmp_tensor *b = call_with("reshape", &as_flat, 1, 1, t);
  decrement(a);
  out[0] = call("add", 2, a, b);
  drop(4, rows, t, a, b);
}

/* -- running them ---------------------------------------------------------- */

static fmp_plan *plan_of(function f, const fmp_spec *specs, int32_t n)
{
  fmp_tensor *in[2], *out = NULL;
  fmp_graph *g = NULL;
  fmp_plan *plan = NULL;
  OK(fmp_trace_begin(NULL, specs, n, 0, in));
  f(in, &out);
  OK(fmp_trace_end(&out, 1, &g));
  OK(fmp_plan_new(g, NULL, 0, 0, &plan));
  for (int32_t i = 0; i < n; i++) fmp_tensor_release(in[i]);
  fmp_tensor_release(out);
  fmp_graph_release(g);
  return plan;
}

static fmp_status run(function f, fmp_tensor *const *in, int32_t n, fmp_tensor **out)
{
  fmp_spec specs[2];
  fmp_instance *instance = NULL;
  for (int32_t i = 0; i < n; i++) fmp_tensor_spec(in[i], &specs[i]);
  fmp_plan *plan = plan_of(f, specs, n);
  OK(fmp_instance_new(plan, 0, &instance));
  const fmp_status status = fmp_instance_run(instance, in, n, out, 1);
  fmp_instance_release(instance);
  fmp_plan_release(plan);
  return status;
}

static fmp_tensor *counting(void)
{
  const float values[N] = {1, 2, 3, 4, 5, 6};
  return vector(N, values);
}

/* x: a view of t, or t itself. */
typedef fmp_tensor *(*view)(fmp_tensor *t);

static fmp_tensor *itself(fmp_tensor *t) { return fmp_tensor_retain(t); }

static fmp_tensor *upper_half(fmp_tensor *t)
{
  static const int64_t start[] = {3};
  const fmp_attr attr = fmp_attr_i64s("start", start, 1);
  return call_with("slice", &attr, 1, 1, t);
}

static fmp_tensor *grid(fmp_tensor *t)
{
  static const int64_t shape[] = {2, 3};
  const fmp_attr attr = fmp_attr_i64s("shape", shape, 2);
  return call_with("reshape", &attr, 1, 1, t);
}

/* Runs f on a view of a tensor that it writes, twice eagerly and twice as a plan: results and the
 * written tensor must be equal. */
static void expect_equal(function f, view x_of, int32_t n)
{
  float want[N] = {0}, got[N] = {0}, left[N], there[N];
  for (int compiled = 0; compiled < 2; compiled++) {
    fmp_tensor *w = captured = counting(), *y = NULL;
    fmp_tensor *const in[] = {x_of(w), w};
    fmp_spec spec;
    for (int turn = 0; turn < 2; turn++) {
      fmp_tensor_release(y);
      if (compiled)
        OK(run(f, in, n, &y));
      else
        f(in, &y);
    }
    fmp_tensor_spec(y, &spec);
    int64_t size = 1;
    for (uint32_t i = 0; i < spec.rank; i++) size *= spec.shape[i];
    values_of(y, size, compiled ? got : want);
    values_of(w, N, compiled ? there : left);
    drop(3, in[0], w, y);
  }
  assert_memory_equal(got, want, sizeof got);
  assert_memory_equal(there, left, sizeof there);
}

static void an_input_may_be_anything(void **state)
{
  (void)state;
  static const function functions[] = {writes_captured, reads_captured, writes_a_view, hands_back,
                                       writes_a_copy};
  static const view views[] = {itself, upper_half, grid};
  for (size_t f = 0; f < sizeof functions / sizeof functions[0]; f++)
    for (size_t v = 0; v < sizeof views / sizeof views[0]; v++) {
      if (functions[f] == writes_a_view && views[v] == upper_half) continue; /* adds to rows */
      if (functions[f] == writes_a_copy && views[v] == upper_half) continue; /* has 3 elements */
      expect_equal(functions[f], views[v], 1);
    }
  for (size_t v = 0; v < sizeof views / sizeof views[0]; v++)
    expect_equal(writes_the_other, views[v], 2);
}

/* Weights that were once wrong: 1 - 2 * 1, when the copy read before the write was used for both
 * reads. */
static void values_by_hand(void **state)
{
  (void)state;
  fmp_tensor *w = captured = counting(), *y = NULL;
  OK(run(writes_captured, &w, 1, &y));
  const float want[N] = {-1, -3, -5, -7, -9, -11};
  expect_values(y, N, want, 0);
  drop(2, w, y);
}

/* -- what cannot be done --------------------------------------------------- */

static fmp_tensor *columns(fmp_tensor *t)
{
  static const int64_t order[] = {2, 1};
  const fmp_attr turned = fmp_attr_i64s("axes", order, 2);
  fmp_tensor *rows = grid(t), *x = call_with("transpose", &turned, 1, 1, rows);
  fmp_tensor_release(rows);
  return x;
}

/* It is copied before the first step: what would be written afterwards could not be seen. */
static void a_strided_input_that_is_written_elsewhere(void **state)
{
  (void)state;
  fmp_tensor *w = captured = counting(), *apart = counting(), *y = NULL;
  fmp_tensor *x = columns(w), *other = columns(apart);
  OK(fmp_tensor_set_name(w, "weights"));
  FAILS(
      run(writes_captured, &x, 1, &y), FMP_EINVAL,
      "input 1 shares memory, which is written, with the captured weights: expected a contiguous");
  fmp_tensor *const both[] = {x, w}, *const fine[] = {other, w};
  FAILS(run(writes_the_other, both, 2, &y), FMP_EINVAL, "inputs 1 and 2 share memory");
  OK(run(writes_the_other, fine, 2, &y));
  drop(6, w, apart, x, other, y, NULL);
}

static fmp_tensor *slice(fmp_tensor *t, int64_t start, int64_t size)
{
  const fmp_attr box[] = {fmp_attr_i64s("start", &start, 1), fmp_attr_i64s("size", &size, 1)};
  return call_with("slice", box, 2, 1, t);
}

/* in[1] -= in[0] */
static void subtracts_the_other(fmp_tensor *const *in, fmp_tensor **out)
{
  fmp_tensor *rate = NULL;
  OK(fmp_outside_begin());
  OK(fmp_tensor_number(NULL, FMP_F32, 1, &rate));
  fmp_outside_end();
  fmp_tensor *const all[] = {in[1], NULL, in[0], rate};
  OK(fmp_emit(op("sgd"), NULL, 0, all, 4, NULL, 0));
  *out = call("neg", 1, in[1]);
  fmp_tensor_release(rate);
}

/* One element, repeated by strides of 0: as many elements in a row would reach into what is
 * written behind it. */
static void a_strided_input_beside_what_is_written(void **state)
{
  (void)state;
  fmp_tensor *w = counting(), *first = slice(w, 0, 1), *next = slice(w, 1, 3);
  fmp_tensor *x = call("broadcast_like", 2, first, next), *y = NULL;
  OK(run(subtracts_the_other, (fmp_tensor *[]){x, next}, 2, &y));
  const float want[N] = {1, 1, 2, 3, 5, 6};
  expect_values(w, N, want, 0);
  drop(5, w, first, next, x, y);
}

/* d(sum(x * x)) / dx after a write: eagerly x is w, which is refused. */
static fmp_status late_gradient(fmp_tensor *x, fmp_tensor **dx)
{
  fmp_tensor *square = call("mul", 2, x, x), *loss = call("sum", 1, square);
  decrement(captured);
  const fmp_status status = fmp_gradients(loss, &x, 1, dx);
  drop(2, square, loss);
  return status;
}

static void traced_late_gradient(fmp_tensor *const *in, fmp_tensor **out)
{
  OK(late_gradient(in[0], out));
}

static void a_gradient_of_what_is_written_meanwhile(void **state)
{
  (void)state;
  fmp_tensor *w = captured = counting(), *apart = counting(), *dx = NULL;
  OK(fmp_record_begin());
  FAILS(late_gradient(w, &dx), FMP_ESTATE, "was written after the op ran");
  fmp_record_end(NULL, 0);
  FAILS(run(traced_late_gradient, &w, 1, &dx), FMP_EINVAL,
        "a gradient needs its value from before");
  OK(run(traced_late_gradient, &apart, 1, &dx));
  const float want[N] = {2, 4, 6, 8, 10, 12};
  expect_values(dx, N, want, 0);
  drop(3, w, apart, dx);
}

/* Two inputs, of which the second is written before the gradient by the first. */
static void two_inputs(fmp_tensor *const *in, fmp_tensor **out)
{
  captured = in[1];
  OK(late_gradient(in[0], out));
}

static void a_saved_graph_knows_it_too(void **state)
{
  (void)state;
  const fmp_spec specs[] = {vector_spec(FMP_F32, N), vector_spec(FMP_F32, N)};
  const char *path = scratch_path("graph");
  fmp_tensor *in[2], *w = counting(), *apart = counting(), *out = NULL, *dx = NULL;
  fmp_graph *g = NULL, *loaded = NULL;
  fmp_plan *plan = NULL;
  fmp_instance *instance = NULL;
  OK(fmp_trace_begin(NULL, specs, 2, 0, in));
  two_inputs(in, &out);
  OK(fmp_trace_end(&out, 1, &g));
  OK(fmp_graph_save(g, path));
  OK(fmp_graph_load(path, NULL, &loaded));
  OK(fmp_plan_new(loaded, NULL, 0, 0, &plan));
  OK(fmp_instance_new(plan, 0, &instance));
  fmp_tensor *const same[] = {w, w}, *const different[] = {w, apart};
  FAILS(fmp_instance_run(instance, same, 2, &dx, 1), FMP_EINVAL, "inputs 1 and 2 share memory");
  OK(fmp_instance_run(instance, different, 2, &dx, 1));
  fmp_instance_release(instance);
  fmp_plan_release(plan);
  fmp_graph_release(g);
  fmp_graph_release(loaded);
  drop(6, in[0], in[1], w, apart, out, dx);
}

/* exp's gradient is made of exp's output. */
static void an_output_that_is_written_before_its_gradient(void **state)
{
  (void)state;
  fmp_tensor *x = counting(), *dx = NULL;
  OK(fmp_record_begin());
  fmp_tensor *y = call("exp", 1, x), *loss = call("sum", 1, y);
  decrement(y);
  FAILS(fmp_gradients(loss, &x, 1, &dx), FMP_ESTATE, "y was written after the op ran");
  fmp_record_end(NULL, 0);
  drop(3, x, y, loss);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(values_by_hand),
      cmocka_unit_test(an_input_may_be_anything),
      cmocka_unit_test(a_strided_input_that_is_written_elsewhere),
      cmocka_unit_test(a_strided_input_beside_what_is_written),
      cmocka_unit_test(a_gradient_of_what_is_written_meanwhile),
      cmocka_unit_test(a_saved_graph_knows_it_too),
      cmocka_unit_test(an_output_that_is_written_before_its_gradient),
  };
  return cmocka_run_group_tests(tests, load_plugins, NULL);
}
