/* SPDX-License-Identifier: Apache-2.0
 * Tensors that are freed while a recording or a trace still refers to them: what needs the value
 * fails and says so, in both alike, and what does not need it goes on. And what a recording frees
 * as it ends. */
#include "support.h"

#include <string.h>

enum { ROWS = 2, COLS = 3, N = ROWS * COLS };

/* -- modes ----------------------------------------------------------------- */

typedef struct mode {
  const char *name;
  void (*begin)(fmp_tensor **x);
  void (*end)(void);
} mode;

static fmp_tensor *numbers(void)
{
  const float values[N] = {1, 2, 3, 4, 5, 6};
  return matrix(ROWS, COLS, values);
}

static void begin_nothing(fmp_tensor **x) { *x = numbers(); }
static void end_nothing(void) {}

static void begin_recording(fmp_tensor **x)
{
  *x = numbers();
  OK(fmp_record_begin());
}
static void end_recording(void) { fmp_record_end(NULL, 0); }

static void begin_trace(fmp_tensor **x)
{
  const fmp_spec spec = matrix_spec(FMP_F32, ROWS, COLS);
  OK(fmp_trace_begin(NULL, &spec, 1, 0, x));
}

static const mode modes[] = {{"eager", begin_nothing, end_nothing},
                             {"recording", begin_recording, end_recording},
                             {"trace", begin_trace, fmp_trace_abort}};
enum { MODES = sizeof modes / sizeof modes[0] };

/* -- every way into an op -------------------------------------------------- */

/* What the emission of an op on freed y answers; g is a tensor like it, with a value. */
typedef fmp_status (*use)(fmp_tensor *y, fmp_tensor *g);

static fmp_status emit_on(const char *name, const fmp_attr *attr, fmp_tensor *const *in, int32_t n)
{
  fmp_tensor *out = NULL;
  const int32_t n_out = strcmp(name, "sgd") != 0;
  const fmp_status status = fmp_emit(op(name), attr, attr ? 1 : 0, in, n, &out, n_out);
  fmp_tensor_release(out);
  return status;
}

static fmp_status unary(fmp_tensor *y, fmp_tensor *g)
{
  (void)g;
  return emit_on("abs", NULL, &y, 1);
}
static fmp_status first_of_two(fmp_tensor *y, fmp_tensor *g)
{
  return emit_on("add", NULL, (fmp_tensor *[]){y, g}, 2);
}
static fmp_status second_of_two(fmp_tensor *y, fmp_tensor *g)
{
  return emit_on("add", NULL, (fmp_tensor *[]){g, y}, 2);
}
static fmp_status viewed(fmp_tensor *y, fmp_tensor *g)
{
  static const int64_t shape[] = {N};
  const fmp_attr attr = fmp_attr_i64s("shape", shape, 1);
  (void)g;
  return emit_on("reshape", &attr, &y, 1);
}
static fmp_status one_of_many(fmp_tensor *y, fmp_tensor *g)
{
  const fmp_attr attr = fmp_attr_i64("axis", 1);
  return emit_on("concat", &attr, (fmp_tensor *[]){g, y, g}, 3);
}
static fmp_status written(fmp_tensor *y, fmp_tensor *g)
{
  fmp_tensor *rate = NULL;
  OK(fmp_outside_begin());
  OK(fmp_tensor_number(NULL, FMP_F32, 1, &rate));
  fmp_outside_end();
  const fmp_status status = emit_on("sgd", NULL, (fmp_tensor *[]){y, NULL, g, rate}, 4);
  fmp_tensor_release(rate);
  return status;
}
static fmp_status read_back(fmp_tensor *y, fmp_tensor *g)
{
  float values[N];
  (void)g;
  return fmp_tensor_read(y, values, sizeof values);
}
static fmp_status written_back(fmp_tensor *y, fmp_tensor *g)
{
  const float values[N] = {0};
  (void)g;
  return fmp_tensor_write(y, values, sizeof values);
}

static const use uses[] = {unary,       first_of_two, second_of_two, viewed,
                           one_of_many, written,      read_back,     written_back};

static void whoever_needs_the_value_is_told(void **state)
{
  (void)state;
  for (size_t m = 0; m < MODES; m++)
    for (size_t i = 0; i < sizeof uses / sizeof uses[0]; i++) {
      fmp_tensor *x = NULL;
      modes[m].begin(&x);
      fmp_tensor *y = call("mul", 2, x, x);
      fmp_tensor_empty(y);
      assert_int_equal(fmp_tensor_state(y), 2);
      FAILS(uses[i](y, x), FMP_ESTATE, "is empty: it was freed");
      fmp_tensor_empty(y); /* twice is once */
      FAILS(uses[i](y, x), FMP_ESTATE, "is empty: it was freed");
      modes[m].end();
      drop(2, x, y);
    }
}

/* An input of the trace, and a tensor from outside: free while they are used, and before. */
static void inputs_and_captured_tensors(void **state)
{
  (void)state;
  for (size_t m = 0; m < MODES; m++)
    for (size_t i = 0; i < sizeof uses / sizeof uses[0]; i++) {
      fmp_tensor *x = NULL, *outside = numbers();
      modes[m].begin(&x);
      fmp_tensor *y = call("mul", 2, x, outside);
      fmp_tensor_empty(outside);
      FAILS(uses[i](outside, x), FMP_ESTATE, "is empty");
      fmp_tensor_empty(x);
      FAILS(uses[i](x, y), FMP_ESTATE, "is empty: it was freed");
      modes[m].end();
      drop(3, x, y, outside);
    }
}

static void not_a_result_of_a_trace(void **state)
{
  (void)state;
  fmp_tensor *x = NULL;
  fmp_graph *g = NULL;
  begin_trace(&x);
  fmp_tensor *y = call("neg", 1, x);
  fmp_tensor_empty(y);
  FAILS(fmp_trace_end(&y, 1, &g), FMP_ESTATE, "is empty: it was freed");
  assert_int_equal(fmp_mode(), 0);
  drop(2, x, y);
}

/* -- gradients ------------------------------------------------------------- */

/* The gradient of x of the sum of op(x, x), or of op(x), with its output or its input freed. */
typedef struct gradient_case {
  const char *op;
  int n_in, frees_input, fails;
} gradient_case;

static const gradient_case gradients[] = {
    {"square", 1, 0, 0},                   /* 2 x dy */
    {"square", 1, 1, 1}, {"exp", 1, 0, 1}, /* y dy */
    {"exp", 1, 1, 0},    {"mul", 2, 0, 0}, {"mul", 2, 1, 1}, {"add", 2, 1, 0}, {"add", 2, 0, 0},
};

static fmp_status gradient_of(const gradient_case *c, fmp_tensor *source, fmp_tensor **dx)
{
  fmp_tensor *x = call("neg", 1, source), *y = call(c->op, c->n_in, x, x);
  fmp_tensor *loss = call("sum", 1, y);
  fmp_tensor_empty(c->frees_input ? x : y);
  const fmp_status status = fmp_gradients(loss, &source, 1, dx);
  drop(3, x, y, loss);
  return status;
}

static void gradients_need_what_they_need(void **state)
{
  (void)state;
  for (size_t m = 1; m < MODES; m++)
    for (size_t i = 0; i < sizeof gradients / sizeof gradients[0]; i++) {
      fmp_tensor *x = NULL, *dx = NULL;
      modes[m].begin(&x);
      if (gradients[i].fails)
        FAILS(gradient_of(&gradients[i], x, &dx), FMP_ESTATE, "is empty: it was freed");
      else
        OK(gradient_of(&gradients[i], x, &dx));
      modes[m].end();
      drop(2, x, dx);
    }
}

/* The loss itself, and what is differentiated by: only their specs are needed. */
static void a_freed_loss(void **state)
{
  (void)state;
  for (size_t m = 1; m < MODES; m++) {
    fmp_tensor *x = NULL, *dx = NULL;
    modes[m].begin(&x);
    fmp_tensor *loss = call("sum", 1, x);
    fmp_tensor_empty(loss);
    OK(fmp_gradients(loss, &x, 1, &dx));
    modes[m].end();
    drop(3, x, dx, loss);
  }
}

/* -- memory that outlives its first name ----------------------------------- */

static fmp_tensor *flat(fmp_tensor *t)
{
  static const int64_t shape[] = {N};
  const fmp_attr attr = fmp_attr_i64s("shape", shape, 1);
  return call_with("reshape", &attr, 1, 1, t);
}

/* w -= dw */
static void descend(fmp_tensor *w, fmp_tensor *dw)
{
  fmp_tensor *rate = NULL;
  OK(fmp_outside_begin());
  OK(fmp_tensor_number(NULL, FMP_F32, 1, &rate));
  fmp_outside_end();
  OK(fmp_emit(op("sgd"), NULL, 0, (fmp_tensor *[]){w, NULL, dw, rate}, 4, NULL, 0));
  fmp_tensor_release(rate);
}

/* Three names of one memory. The first is what the recording knows it by, and is freed: a write
 * through the third is seen to be one to the second. */
static void names_of_one_memory(void **state)
{
  (void)state;
  for (int writes = 0; writes < 2; writes++) {
    fmp_tensor *first = numbers(), *second = flat(first), *third = flat(first), *apart = numbers();
    fmp_tensor *other = flat(apart), *by = numbers(), *by_row = flat(by), *dx = NULL;
    OK(fmp_record_begin());
    fmp_tensor *y = call("neg", 1, first);
    fmp_tensor_empty(first);
    fmp_tensor *square = call("square", 1, second), *loss = call("sum", 1, square);
    descend(writes ? third : other, by_row);
    if (writes)
      FAILS(fmp_gradients(loss, &second, 1, &dx), FMP_ESTATE, "was written after the op ran");
    else
      OK(fmp_gradients(loss, &second, 1, &dx));
    fmp_record_end(NULL, 0);
    drop(11, first, second, third, apart, other, by, by_row, y, square, loss, dx);
  }
}

/* -- what a recording keeps ------------------------------------------------ */

/* Every third of many, one of them named twice, beside what was not made inside. */
static void what_is_kept(void **state)
{
  (void)state;
  enum { MADE = 300, KEPT = MADE / 3 };
  fmp_tensor *made[MADE], *keep[KEPT + 3], *outside = numbers(), *used = numbers();
  OK(fmp_record_begin());
  for (int i = 0; i < MADE; i++) made[i] = call("add", 2, i ? made[i - 1] : used, used);
  for (int i = 0; i < KEPT; i++) keep[i] = made[3 * i];
  keep[KEPT] = made[0];
  keep[KEPT + 1] = NULL;
  keep[KEPT + 2] = outside;
  fmp_record_end(keep, KEPT + 3);
  for (int i = 0; i < MADE; i++) assert_int_equal(fmp_tensor_state(made[i]), i % 3 ? 2 : 0);
  assert_int_equal(fmp_tensor_state(outside), 0);
  assert_int_equal(fmp_tensor_state(used), 0);
  for (int i = 0; i < MADE; i++) fmp_tensor_release(made[i]);
  drop(2, outside, used);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(whoever_needs_the_value_is_told),
      cmocka_unit_test(inputs_and_captured_tensors),
      cmocka_unit_test(not_a_result_of_a_trace),
      cmocka_unit_test(gradients_need_what_they_need),
      cmocka_unit_test(a_freed_loss),
      cmocka_unit_test(names_of_one_memory),
      cmocka_unit_test(what_is_kept),
  };
  return cmocka_run_group_tests(tests, load_plugins, NULL);
}
