/* SPDX-License-Identifier: Apache-2.0
 * Every function of the builder in every place where plugins are given one (a gradient, rewrites of
 * both phases), used correctly and in every wrong way: see tests/plugin/hostile/misplaced.c. A
 * wrong use fails with the function's name, and the process goes on. */
#include "support.h"

#include <stdio.h>
#include <string.h>

enum { PLAIN, NO_BUILDER, OTHER_BUILDER, NO_ARGUMENT, BEYOND, WAYS };
enum { GRADIENT, BEFORE, AFTER, PLACES };
enum { IN_GRADIENTS = 1, IN_REWRITES = 2, IN_BOTH = 3 };

static const struct {
  const char *name;
  int places;
  int takes_pointers, takes_numbers; /* so that way NO_ARGUMENT, or BEYOND, is a wrong one */
} functions[] = {{"emit", IN_BOTH, 1, 1},
                 {"emit", IN_BOTH, 1, 1},
                 {"emit", IN_BOTH, 1, 1},
                 {"output", IN_BOTH, 0, 1},
                 {"spec", IN_BOTH, 1, 1},
                 {"grad_inputs", IN_GRADIENTS, 0, 0},
                 {"grad_wants", IN_GRADIENTS, 0, 1},
                 {"grad_in", IN_GRADIENTS, 0, 1},
                 {"grad_out", IN_GRADIENTS, 0, 1},
                 {"grad_dout", IN_GRADIENTS, 0, 1},
                 {"grad_set", IN_GRADIENTS, 0, 1},
                 {"grad_set", IN_GRADIENTS, 0, 1},
                 {"node_params", IN_REWRITES, 0, 1},
                 {"node_in", IN_REWRITES, 0, 1},
                 {"node_in", IN_REWRITES, 0, 1},
                 {"replace", IN_REWRITES, 0, 1},
                 {"replace", IN_REWRITES, 0, 1},
                 {"emit_node", IN_REWRITES, 0, 1},
                 {"emit_node", IN_REWRITES, 1, 1},
                 {"node_attr", IN_REWRITES, 1, 1},
                 {"node_attr", IN_REWRITES, 1, 1}};

enum { N_FUNCTIONS = sizeof functions / sizeof functions[0] };

static const char *const ops[PLACES] = {"hostile_gradient", "hostile_before", "hostile_after"};

static fmp_tensor *emit(int place, int function, int way, fmp_tensor *x)
{
  const fmp_attr attrs[] = {fmp_attr_i64("function", function), fmp_attr_i64("way", way)};
  return call_with(ops[place], attrs, 2, 1, x);
}

static fmp_status differentiate(int function, int way)
{
  fmp_tensor *x = vector(2, (const float[]){1, 2}), *dx = NULL;
  OK(fmp_record_begin());
  fmp_tensor *y = emit(GRADIENT, function, way, x), *loss = call("sum", 1, y);
  const fmp_status status = fmp_gradients(loss, &x, 1, &dx);
  fmp_record_end(NULL, 0);
  drop(4, x, y, loss, dx);
  return status;
}

static fmp_status rewrite(int place, int function, int way)
{
  const fmp_spec spec = vector_spec(FMP_F32, 2);
  fmp_tensor *x = NULL;
  fmp_graph *g = NULL;
  fmp_plan *plan = NULL;
  OK(fmp_trace_begin(NULL, &spec, 1, 0, &x));
  fmp_tensor *y = emit(place, function, way, x);
  OK(fmp_trace_end(&y, 1, &g));
  const fmp_status status = fmp_plan_new(g, NULL, 0, 0, &plan);
  drop(2, x, y);
  fmp_graph_release(g);
  fmp_plan_release(plan);
  return status;
}

static fmp_status try(int place, int function, int way)
{
  return place == GRADIENT ? differentiate(function, way) : rewrite(place, function, way);
}

/* FMP_OK, or the text that says why not. */
static const char *expected(int place, int function, int way)
{
  const int here = place == GRADIENT ? IN_GRADIENTS : IN_REWRITES;
  if (way == NO_BUILDER || way == OTHER_BUILDER) return "expected the builder";
  if (!(functions[function].places & here))
    return here == IN_GRADIENTS ? "not for a gradient" : "not for a rewrite";
  if (way == NO_ARGUMENT && functions[function].takes_pointers) return "got none";
  if (way == BEYOND && functions[function].takes_numbers) return "4711";
  return NULL;
}

static int is_right(int place, int function, int way)
{
  const fmp_status status = try(place, function, way);
  const char *text = fmp_last_error(), *want = expected(place, function, way);
  if (!want && status == FMP_OK) return 1;
  const int beyond = way == BEYOND && (strstr(text, "1073741824") || strstr(text, "value 4711"));
  if (want && status != FMP_OK && !strchr(text, '\n') && strstr(text, ops[place]) &&
      (beyond || strstr(text, want)))
    return 1;
  print_error("%s, way %d, in %s: expected '%s', got %s and '%s'\n", functions[function].name, way,
              ops[place], want ? want : "success", fmp_status_name(status), text);
  return 0;
}

static void every_function_in_every_place(void **state)
{
  (void)state;
  int wrong = 0;
  for (int place = 0; place < PLACES; place++)
    for (int function = 0; function < N_FUNCTIONS; function++)
      for (int way = 0; way < WAYS; way++) {
        const int64_t live = fmp_tensor_bytes();
        wrong += !is_right(place, function, way);
        assert_int_equal(fmp_tensor_bytes(), live);
        assert_int_equal(fmp_mode(), 0);
        assert_string_equal(fmp_scope_path(), "");
      }
  assert_int_equal(wrong, 0);
}

/* What is refused once leaves nothing behind: the same op is differentiated and rewritten. */
static void good_ones_after_bad_ones(void **state)
{
  (void)state;
  for (int place = 0; place < PLACES; place++) {
    assert_int_not_equal(try(place, 0, NO_BUILDER), FMP_OK);
    OK(try(place, 0, PLAIN));
  }
}

static int load_hostile(void **state)
{
  if (load_plugins(state) != 0) return -1;
  return fmp_plugin_load(FMP_TEST_PLUGINS "/hostile/fmp_misplaced.so") == FMP_OK ? 0 : -1;
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_function_in_every_place),
      cmocka_unit_test(good_ones_after_bad_ones),
  };
  return cmocka_run_group_tests(tests, load_hostile, NULL);
}
