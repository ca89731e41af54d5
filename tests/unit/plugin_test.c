/* SPDX-License-Identifier: Apache-2.0
 * Plugins that are broken, foreign, old, new or malicious: see tests/plugin/hostile. Each
 * refusal is one line with the file and the reason, and registers nothing. */
#define _POSIX_C_SOURCE 200809L /* setenv */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* -- counting -------------------------------------------------------------- */

struct counts {
  int32_t ops, plugins, resources;
};

static struct counts count(void)
{
  return (struct counts){fmp_op_count(), fmp_plugin_count(), fmp_resource_kinds()};
}

static void expect_counts(struct counts want)
{
  const struct counts got = count();
  assert_int_equal(got.ops, want.ops);
  assert_int_equal(got.plugins, want.plugins);
  assert_int_equal(got.resources, want.resources);
}

static const char *hostile(const char *name)
{
  static char path[512];
  snprintf(path, sizeof path, FMP_TEST_PLUGINS "/hostile/fmp_%s.so", name);
  return path;
}

/* Refused with `status`, in a line that has the file's name and `reason` in it. */
static void refuse(const char *path, fmp_status status, const char *reason)
{
  const struct counts before = count();
  const char *file = strrchr(path, '/');
  FAILS(fmp_plugin_load(path), status, reason);
  if (!strstr(fmp_last_error(), file ? file + 1 : path))
    fail_msg("the error does not name the file %s: %s", path, fmp_last_error());
  expect_counts(before);
}

static void accept(const char *name, int32_t ops)
{
  struct counts want = count();
  want.ops += ops;
  want.plugins++;
  OK(fmp_plugin_load(hostile(name)));
  expect_counts(want);
}

/* -- refused --------------------------------------------------------------- */

static void refused(void **state)
{
  (void)state;
  static const struct {
    const char *name, *reason;
  } rows[] = {
      {"abi_major", "built for ABI 9.3, engine offers 1.0"},
      {"abi_minor", "1.7"},
      {"view_size", "views of"},
      {"spec_size", "specs of"},
      {"attr_size", "attributes of"},
      {"no_symbol", "fmp_plugin_entry"},
      {"load_null", "load"},
      {"load_half", "half of it was enough"},
      {"load_silent", ""},
      {"deaf", "hostile_deaf_bad"},
      {"duplicate_op", "hostile_short_infer"},
      {"duplicate_self", "hostile_twin"},
      {"tail_nonzero", "hostile_tail_nonzero"},
      {"gradient_unknown", "hostile_nobody_has_this"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
    refuse(hostile(rows[i].name), FMP_EPLUGIN, rows[i].reason);
  const fmp_op *none = NULL;
  FAILS(fmp_op_find("hostile_half", &none), FMP_ENOTFOUND, "");
  FAILS(fmp_op_find("hostile_fresh", &none), FMP_ENOTFOUND, "");
}

/* relu of -1, traced, planned and run. */
static double planned_relu(void)
{
  fmp_tensor *x = vector(1, (const float[]){-1}), *in, *y;
  const fmp_spec spec = vector_spec(FMP_F32, 1);
  fmp_graph *g = NULL;
  fmp_plan *plan = NULL;
  fmp_instance *instance = NULL;
  OK(fmp_trace_begin(NULL, &spec, 1, 0, &in));
  fmp_tensor *traced = call("relu", 1, in);
  OK(fmp_trace_end(&traced, 1, &g));
  OK(fmp_plan_new(g, NULL, 0, 0, &plan));
  OK(fmp_instance_new(plan, 0, &instance));
  OK(fmp_instance_run(instance, &x, 1, &y, 1));
  const double value = item_of(y);
  drop(4, x, in, traced, y);
  fmp_instance_release(instance);
  fmp_plan_release(plan);
  fmp_graph_release(g);
  return value;
}

/* load_half adds one of each kind before it fails; none may be there, or be used. */
static void nothing_of_half_a_plugin(void **state)
{
  (void)state;
  char kernels[512], devices[512];
  fmp_device *device = NULL;
  fmp_resource *resource = NULL;
  snprintf(kernels, sizeof kernels, "%s", fmp_op_kernels(op("relu")));
  snprintf(devices, sizeof devices, "%s", fmp_device_list());
  refuse(hostile("load_half"), FMP_EPLUGIN, "half of it was enough");
  assert_string_equal(fmp_op_kernels(op("relu")), kernels);
  assert_string_equal(fmp_device_list(), devices);
  FAILS(fmp_device_find("hostile_half", &device), FMP_ENOTFOUND, "hostile_half");
  FAILS(fmp_resource_open("hostile_half", NULL, 0, &resource), FMP_ENOTFOUND, "hostile_half");
  fmp_tensor *x = vector(1, (const float[]){-1}), *y = call("relu", 1, x);
  NEAR(item_of(y), 0, 0);
  drop(2, x, y);
  NEAR(planned_relu(), 0, 0);
}

/* Refusing is repeatable: the second time is no surprise either. */
static void refused_again(void **state)
{
  (void)state;
  for (int i = 0; i < 3; i++) refuse(hostile("load_half"), FMP_EPLUGIN, "half of it was enough");
}

static void no_shared_objects(void **state)
{
  (void)state;
  char path[256];
  strcpy(path, scratch_path("fmp_x.so"));
  write_file(path, "This is a text.\n", 16);
  refuse(path, FMP_EPLUGIN, "");
  write_file(path, "\177ELF", 4);
  refuse(path, FMP_EPLUGIN, "");
  write_file(path, "", 0);
  refuse(path, FMP_EPLUGIN, "");
  remove(path);
  refuse(path, FMP_ENOTFOUND, "");
  assert_int_equal(mkdir(path, 0777), 0);
  refuse(path, FMP_EPLUGIN, "");
  rmdir(path);
  assert_int_not_equal(fmp_plugin_load(""), FMP_OK);
  assert_int_not_equal(fmp_plugin_load("fmp_short_infer.so"), FMP_OK); /* never a search */
}

/* -- definitions ----------------------------------------------------------- */

static void incomplete_definitions(void **state)
{
  (void)state;
  static const char *const cases[] = {
      "op_nameless",
      "op_empty_name",
      "op_name_with_space",
      "op_no_schema",
      "op_no_infer",
      "op_size_0",
      "op_size_before_infer",
      "op_size_absurd",
      "op_role_unknown",
      "op_precision_unknown",
      "op_flags_unknown",
      "op_oldest_too_new",
      "op_attrs_null",
      "kernel_no_op",
      "kernel_no_backend",
      "kernel_nameless",
      "kernel_no_run",
      "kernel_size_0",
      "kernel_inplace_null",
      "backend_empty",
      "resource_empty",
      "rewrite_empty",
      "rewrite_long",
      "backend_half_events",
      "backend_events_at_once",
      "backend_half_pinned",
      "backend_half_captures",
  };
  int wrong = 0;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    setenv("FMP_TEST_CASE", cases[i], 1);
    refuse(hostile("incomplete"), FMP_EPLUGIN, "");
    if (!strstr(fmp_last_error(), "accepted") && !strstr(fmp_last_error(), "no such case"))
      continue;
    print_error("%s: %s\n", cases[i], fmp_last_error());
    wrong++;
  }
  assert_int_equal(wrong, 0);
}

/* What the plugin `given` says once its definition has been accepted. */
static int accepted(void) { return strstr(fmp_last_error(), "definition was accepted") != NULL; }

/* 1 if the engine's answer is the expected one. */
static int offer_schema(const char *schema, int good)
{
  setenv("FMP_TEST_SCHEMA", schema, 1);
  refuse(hostile("given"), FMP_EPLUGIN, "");
  if (accepted() == good) return 1;
  print_error("schema '%s': %s\n", schema, fmp_last_error());
  return 0;
}

static void views_of_nothing(void **state)
{
  (void)state;
  static const char *const good[] = {"(x) -> (y)", "(x, like~) -> (y)", "(x, s?) -> (y)",
                                     "(x!) -> (y)", "(x...) -> (y)"};
  static const char *const bad[] = {"() -> (y)",      "(x) -> ()",      "(x) -> (y, z)",
                                    "(x?) -> (y)",    "(x~) -> (y)",    "(x~?) -> (y)",
                                    "(x?, w) -> (y)", "(x~...) -> (y)", "(x) -> (y?)"};
  int wrong = 0;
  setenv("FMP_TEST_ALIAS", "1", 1);
  for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) wrong += !offer_schema(good[i], 1);
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) wrong += !offer_schema(bad[i], 0);
  unsetenv("FMP_TEST_ALIAS");
  unsetenv("FMP_TEST_SCHEMA");
  assert_int_equal(wrong, 0);
}

static void schemas(void **state)
{
  (void)state;
  static const char *const good[] = {
      "(x) -> (y)",
      "() -> (y)",
      "(x) -> ()",
      "(x!, m!?) -> ()",
      "(x, like~) -> (y, argmax?)",
      "(xs...) -> (y)",
      "(a, xs...) -> (y)",
      "(x,y)->(z)",
      "(x~?) -> (y)",
      "(a..., b...) -> (y)",
      "(lr, w!..., m?!..., g...) -> ()",
      "(x, like~..., rest?...) -> (y)",
  };
  static const char *const bad[] = {
      "",
      "x",
      "(x",
      "(x)",
      "(x) ->",
      "(x) -> y",
      "(x) -> (y",
      "(x) (y)",
      "() -> ()x",
      "(x,) -> (y)",
      "(,x) -> (y)",
      "(x y) -> (z)",
      "(x?) -> (y!)",
      "(x) -> (y...)",
      "(xs..., y) -> (z)",
      "(xs..., ys..., z) -> (y)",
      "(xs..., y, zs...) -> (y)",
      "(xs..., y?) -> (z)",
      "(xs..., xs...) -> (y)",
      "(xs......) -> (y)",
      "(x..) -> (y)",
      "(x, x) -> (y)",
      "(x) -> (y, y)",
      ("(x?"
       "?) -> (y)"),
      "(x!~) -> (y)",
      "(x#) -> (y)",
      "((x)) -> (y)",
      "(x) => (y)",
  };
  int wrong = 0;
  unsetenv("FMP_TEST_KIND");
  for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) wrong += !offer_schema(good[i], 1);
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) wrong += !offer_schema(bad[i], 0);
  unsetenv("FMP_TEST_SCHEMA");
  assert_int_equal(wrong, 0);
}

struct attr_row {
  const char *kind, *offset, *default_text, *allowed; /* NULL: not given */
  int good;
};

static void set_or_unset(const char *name, const char *value)
{
  if (value)
    setenv(name, value, 1);
  else
    unsetenv(name);
}

static int offer_attr(const struct attr_row *row)
{
  set_or_unset("FMP_TEST_KIND", row->kind);
  set_or_unset("FMP_TEST_OFFSET", row->offset);
  set_or_unset("FMP_TEST_DEFAULT", row->default_text);
  set_or_unset("FMP_TEST_ALLOWED", row->allowed);
  refuse(hostile("given"), FMP_EPLUGIN, row->good ? "" : "given");
  if (accepted() == row->good) return 1;
  print_error("attribute of kind %s at %s, default %s, allowed %s: %s\n", row->kind, row->offset,
              row->default_text ? row->default_text : "none",
              row->allowed ? row->allowed : "anything", fmp_last_error());
  return 0;
}

/* The params struct of `given` has 16 bytes: an i64 fits at 0 and 8, a list at 0. */
static void attribute_tables(void **state)
{
  (void)state;
  static const struct attr_row rows[] = {
      {"1", "12", "true", NULL, 1},
      {"1", "13", "true", NULL, 0},
      {"1", "0", "maybe", NULL, 0},
      {"1", "0", "2", NULL, 0},
      {"2", "8", "-7", NULL, 1},
      {"2", "9", "1", NULL, 0},
      {"2", "16", "1", NULL, 0},
      {"2", "4294967295", "1", NULL, 0},
      {"2", "0", "1.5", NULL, 0},
      {"2", "0", "one", NULL, 0},
      {"2", "0", "", NULL, 0},
      {"2", "0", "99999999999999999999", NULL, 0},
      {"2", "0", "1 2", NULL, 0},
      {"2", "0", "0", "[1,)", 0},
      {"2", "0", "1", "[1,)", 1},
      {"2", "0", "1", "[1,", 0},
      {"2", "0", "1", "1..2", 0},
      {"2", "0", NULL, "[1,8)", 1},
      {"2", "0", "8", "[1,8)", 0},
      {"3", "0", "1e-3", "(0,1]", 1},
      {"3", "0", "0", "(0,1]", 0},
      {"3", "0", "1.0x", NULL, 0},
      {"4", "0", "same", "same|valid", 1},
      {"4", "0", "samey", "same|valid", 0},
      {"4", "8", "anything", NULL, 1},
      {"5", "0", "bf16", NULL, 1},
      {"5", "0", "f17", NULL, 0},
      {"5", "12", "f32", NULL, 1},
      {"6", "0", NULL, NULL, 1},
      {"6", "0", "something", NULL, 0},
      {"18", "0", "[1,2]", "[1,)", 1},
      {"18", "0", "[]", "[1,)", 1},
      {"18", "0", "[1,0]", "[1,)", 0},
      {"18", "0", "[1,2", NULL, 0},
      {"18", "8", "[1]", NULL, 0},
      {"19", "0", "[0.5,1]", NULL, 1},
      {"20", "0", "[a,b]", "a|b", 1},
      {"21", "0", "[f32,f99]", NULL, 0},
      {"0", "0", NULL, NULL, 0},
      {"7", "0", NULL, NULL, 0},
      {"16", "0", NULL, NULL, 0},
      {"22", "0", NULL, NULL, 0},
      {"4294967295", "0", NULL, NULL, 0},
  };
  int wrong = 0;
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) wrong += !offer_attr(&rows[i]);
  unsetenv("FMP_TEST_KIND");
  assert_int_equal(wrong, 0);
}

/* A float under f64, a bool under i32: a field of a size that does not fit its kind would be read
 * and written as something else. */
static void fields_of_another_size(void **state)
{
  (void)state;
  static const char *const kinds[] = {"1", "2", "3", "4", "5", "6", "17", "18", "19", "20", "21"};
  static const char *const sizes[] = {"0", "1", "2", "4", "8", "12", "16", "24"};
  int accepted_sizes = 0, wrong = 0;
  for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
      setenv("FMP_TEST_KIND", kinds[i], 1);
      setenv("FMP_TEST_FIELD_SIZE", sizes[k], 1);
      set_or_unset("FMP_TEST_OFFSET", "0");
      set_or_unset("FMP_TEST_DEFAULT", NULL);
      set_or_unset("FMP_TEST_ALLOWED", NULL);
      refuse(hostile("given"), FMP_EPLUGIN, "");
      accepted_sizes += accepted();
      wrong += !accepted() && !strstr(fmp_last_error(), "expected a field of");
    }
  unsetenv("FMP_TEST_KIND");
  unsetenv("FMP_TEST_FIELD_SIZE");
  assert_int_equal(wrong, 0);
  assert_int_equal(accepted_sizes, sizeof kinds / sizeof kinds[0]); /* one of each kind */
}

/* -- roles ----------------------------------------------------------------- */

static void roles(void **state)
{
  (void)state;
  char number[16];
  int wrong = 0, cases = 0;
  for (;; cases++) {
    snprintf(number, sizeof number, "%d", cases);
    setenv("FMP_TEST_CASE", number, 1);
    refuse(hostile("roles"), FMP_EPLUGIN, "");
    if (strstr(fmp_last_error(), "no such case")) break;
    if (strstr(fmp_last_error(), "role") && !accepted()) continue;
    print_error("case %d: %s\n", cases, fmp_last_error());
    wrong++;
  }
  assert_int_equal(wrong, 0);
  assert_true(cases > 10);
}

/* A kernel for the copy that wants its input contiguous would be called to make it so. */
static void a_copy_takes_strides(void **state)
{
  (void)state;
  refuse(hostile("contiguous_copy"), FMP_EPLUGIN, "FMP_KERNEL_STRIDED");
}

/* -- accepted -------------------------------------------------------------- */

static void other_ages_are_accepted(void **state)
{
  (void)state;
  fmp_op_info info = {.struct_size = sizeof info};
  accept("tail_zero", 1);
  accept("short_gradient", 1);
  fmp_op_describe(op("hostile_short_gradient"), &info);
  assert_true(info.differentiable);
  assert_false(info.alias);
  fmp_op_describe(op("hostile_short_infer"), &info);
  assert_false(info.differentiable);
  assert_string_equal(info.plugin, "short_infer");
}

static void loaded_twice_is_once(void **state)
{
  (void)state;
  const struct counts before = count();
  OK(fmp_plugin_load(hostile("short_infer")));
  expect_counts(before);
}

static void described(void **state)
{
  (void)state;
  fmp_plugin_info info = {.struct_size = sizeof info};
  int found = 0;
  for (int32_t i = 0; i < fmp_plugin_count(); i++) {
    OK(fmp_plugin_get(i, &info));
    if (strcmp(info.name, "short_infer")) continue;
    found = 1;
    assert_string_equal(info.version, "1.0");
    assert_string_equal(info.summary, "from the past");
    assert_non_null(strstr(info.path, "fmp_short_infer.so"));
    assert_int_equal(info.abi_major, 1);
  }
  assert_true(found);
  assert_int_not_equal(fmp_plugin_get(fmp_plugin_count(), &info), FMP_OK);
  assert_int_not_equal(fmp_plugin_get(-1, &info), FMP_OK);
}

/* A kernel may come before its op; neither runs until both are there. */
static void kernel_before_op(void **state)
{
  (void)state;
  const fmp_op *late = NULL;
  accept("kernel_early", 0);
  FAILS(fmp_op_find("hostile_late", &late), FMP_ENOTFOUND, "hostile_late");
  accept("op_late", 1);
  assert_non_null(strstr(fmp_op_kernels(op("hostile_late")), "cpu/early"));
  fmp_tensor *x = NULL;
  OK(fmp_tensor_number(NULL, FMP_F32, 5, &x));
  fmp_tensor *y = call("hostile_late", 1, x);
  NEAR(item_of(y), 5, 0);
  drop(2, x, y);
}

/* The first claim of a role stands: gradients still add up by it. */
static void role_claimed_twice(void **state)
{
  (void)state;
  accept("role_twice", 1);
  fmp_tensor *x = vector(1, (const float[]){3}), *dx = NULL;
  OK(fmp_record_begin());
  fmp_tensor *y = call("mul", 2, x, x);
  OK(fmp_gradients(y, &x, 1, &dx));
  fmp_record_end(&dx, 1);
  NEAR(item_of(dx), 6, 0);
  drop(3, x, y, dx);
}

/* -- ops that misbehave when they run -------------------------------------- */

static fmp_status emit_how(const char *name, int64_t how, fmp_tensor *x, fmp_tensor **y)
{
  const fmp_attr attr = fmp_attr_i64("how", how);
  return fmp_emit(op(name), &attr, 1, &x, 1, y, 1);
}

static void absurd_shapes(void **state)
{
  (void)state;
  accept("absurd", 1);
  fmp_tensor *x = vector(2, (const float[]){1, 2}), *y = NULL;
  OK(emit_how("hostile_absurd", 0, x, &y));
  drop(1, y);
  y = NULL;
  const int64_t tensors = fmp_tensor_bytes();
  int wrong = 0;
  for (int64_t how = 1; how <= 11; how++) {
    const fmp_status status = emit_how("hostile_absurd", how, x, &y);
    if (status <= 0 || status >= FMP_STATUS_COUNT || !strstr(fmp_last_error(), "hostile_absurd")) {
      print_error("nonsense %d: status %d, %s\n", (int)how, (int)status, fmp_last_error());
      wrong++;
    }
    assert_null(y);
    assert_int_equal(fmp_tensor_bytes(), tensors);
  }
  assert_int_equal(wrong, 0);
  FAILS(emit_how("hostile_absurd", 8, x, &y), FMP_EPLUGIN, "infer did not set output y");
  drop(1, x);
}

static void failing_kernels(void **state)
{
  (void)state;
  static const struct {
    fmp_status status;
    const char *text;
  } rows[] = {
      [1] = {FMP_EUNSUPPORTED, "prepare would rather not"},
      [2] = {FMP_EUNSUPPORTED, "hostile_failing"},
      [3] = {FMP_ENOMEM, "hostile_failing"},
      [4] = {FMP_ENOMEM, "hostile_failing"},
      [5] = {FMP_EDEVICE, "run would rather not"},
      [6] = {FMP_EDEVICE, "hostile_failing"},
      [8] = {FMP_EUNSUPPORTED, "hostile_failing"},
  };
  accept("failing", 1);
  fmp_tensor *x = NULL, *y = NULL;
  OK(fmp_tensor_number(NULL, FMP_F32, 5, &x));
  const int64_t tensors = fmp_tensor_bytes();
  for (int64_t how = 1; how <= 8; how++) {
    if (how == 7) { /* an unknown status is some failure */
      assert_int_not_equal(emit_how("hostile_failing", how, x, &y), FMP_OK);
    } else {
      FAILS(emit_how("hostile_failing", how, x, &y), rows[how].status, rows[how].text);
    }
    assert_null(y);
    assert_int_equal(fmp_tensor_bytes(), tensors);
  }
  OK(emit_how("hostile_failing", 0, x, &y)); /* and goes on */
  NEAR(item_of(y), 5, 0);
  drop(2, x, y);
}

/* The op traced, planned and run: the first status that is not FMP_OK. */
static fmp_status compile_how(int64_t how, fmp_tensor *real, fmp_tensor **y)
{
  fmp_spec spec;
  fmp_tensor *x = NULL, *traced = NULL;
  fmp_graph *g = NULL;
  fmp_plan *plan = NULL;
  fmp_instance *instance = NULL;
  fmp_tensor_spec(real, &spec);
  OK(fmp_trace_begin(NULL, &spec, 1, 0, &x));
  OK(emit_how("hostile_failing", how, x, &traced));
  OK(fmp_trace_end(&traced, 1, &g));
  drop(2, x, traced);
  fmp_status status = fmp_plan_new(g, NULL, 0, 0, &plan);
  if (status == FMP_OK) status = fmp_instance_new(plan, 0, &instance);
  if (status == FMP_OK) status = fmp_instance_run(instance, &real, 1, y, 1);
  if (instance) fmp_instance_release(instance);
  if (plan) fmp_plan_release(plan);
  fmp_graph_release(g);
  return status;
}

/* The same failures in a plan; nothing that it held may stay. */
static void failing_kernels_in_a_plan(void **state)
{
  (void)state;
  fmp_tensor *x = NULL, *y = NULL;
  OK(fmp_tensor_number(NULL, FMP_F32, 5, &x));
  OK(compile_how(0, x, &y));
  NEAR(item_of(y), 5, 0);
  drop(1, y);
  y = NULL;
  const int64_t live = fmp_live_bytes();
  for (int64_t how = 1; how <= 8; how++) {
    const fmp_status status = compile_how(how, x, &y);
    assert_true(status > FMP_OK && status < FMP_STATUS_COUNT);
    assert_non_null(strstr(fmp_last_error(), "hostile_failing"));
    assert_null(y);
    assert_int_equal(fmp_live_bytes(), live);
  }
  drop(1, x);
}

/* The first one: duplicate_op and incomplete speak of its op. */
static int load_all(void **state)
{
  return load_plugins(state) == 0 && fmp_plugin_load(hostile("short_infer")) == FMP_OK ? 0 : -1;
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(refused),
      cmocka_unit_test(nothing_of_half_a_plugin),
      cmocka_unit_test(refused_again),
      cmocka_unit_test(no_shared_objects),
      cmocka_unit_test(incomplete_definitions),
      cmocka_unit_test(schemas),
      cmocka_unit_test(views_of_nothing),
      cmocka_unit_test(attribute_tables),
      cmocka_unit_test(fields_of_another_size),
      cmocka_unit_test(roles),
      cmocka_unit_test(a_copy_takes_strides),
      cmocka_unit_test(other_ages_are_accepted),
      cmocka_unit_test(loaded_twice_is_once),
      cmocka_unit_test(described),
      cmocka_unit_test(kernel_before_op),
      cmocka_unit_test(role_claimed_twice),
      cmocka_unit_test(absurd_shapes),
      cmocka_unit_test(failing_kernels),
      cmocka_unit_test(failing_kernels_in_a_plan),
  };
  return cmocka_run_group_tests(tests, load_all, NULL);
}
