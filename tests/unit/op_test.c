/* SPDX-License-Identifier: Apache-2.0
 * Ops as data: found by name, described in full. */
#define _POSIX_C_SOURCE 200809L /* strtok_r */
#include "support.h"

#include <string.h>

static void found_by_name(void **state)
{
  (void)state;
  for (int32_t i = 0; i < fmp_op_count(); i++) {
    fmp_op_info info = {.struct_size = sizeof info};
    const fmp_op *found = NULL;
    fmp_op_describe(fmp_op_at(i), &info);
    OK(fmp_op_find(info.name, &found));
    assert_ptr_equal(found, fmp_op_at(i));
  }
  assert_null(fmp_op_at(fmp_op_count()));
  assert_null(fmp_op_at(-1));
}

static void unknown_names_suggest_the_nearest(void **state)
{
  (void)state;
  const fmp_op *found = NULL;
  FAILS(fmp_op_find("matmull", &found), FMP_ENOTFOUND, "did you mean 'matmul'?");
  FAILS(fmp_op_find("leaky_rulu", &found), FMP_ENOTFOUND, "did you mean 'leaky_relu'?");
  FAILS(fmp_op_find("", &found), FMP_ENOTFOUND, "no op ''");
  assert_null(found);
}

/* Every registered op, ours and whoever's, is documented down to its attributes. */
static void every_op_is_documented(void **state)
{
  (void)state;
  for (int32_t i = 0; i < fmp_op_count(); i++) {
    const fmp_op *o = fmp_op_at(i);
    fmp_op_info info = {.struct_size = sizeof info};
    fmp_op_describe(o, &info);
    if (!info.doc || !*info.doc) fail_msg("op %s has no doc", info.name);
    if (!info.schema || !strstr(info.schema, "->")) fail_msg("op %s has no schema", info.name);
    assert_non_null(info.plugin);
    assert_true(info.version >= 1);
    for (int32_t k = 0; k < info.n_attr; k++) {
      fmp_attr_info attr = {.struct_size = sizeof attr};
      OK(fmp_op_attr(o, k, &attr));
      if (!attr.doc || !*attr.doc) fail_msg("%s: attribute %s has no doc", info.name, attr.name);
    }
    fmp_attr_info beyond = {.struct_size = sizeof beyond};
    assert_int_not_equal(fmp_op_attr(o, info.n_attr, &beyond), FMP_OK);
    assert_int_not_equal(fmp_op_attr(o, -1, &beyond), FMP_OK);
  }
}

static void arguments_and_marks(void **state)
{
  (void)state;
  const fmp_op *o = op("conv2d");
  fmp_op_info info = {.struct_size = sizeof info};
  fmp_arg_info arg = {.struct_size = sizeof arg};
  fmp_op_describe(o, &info);
  assert_int_equal(info.n_in, 3);
  assert_int_equal(info.n_out, 1);
  assert_true(info.differentiable);
  OK(fmp_op_input(o, 0, &arg));
  assert_string_equal(arg.name, "x");
  assert_int_equal(arg.marks, 0);
  OK(fmp_op_input(o, 2, &arg));
  assert_string_equal(arg.name, "b");
  assert_int_equal(arg.marks, FMP_ARG_OPTIONAL);
  OK(fmp_op_output(o, 0, &arg));
  assert_string_equal(arg.name, "y");
  assert_int_not_equal(fmp_op_input(o, 3, &arg), FMP_OK);
  assert_int_not_equal(fmp_op_output(o, 1, &arg), FMP_OK);

  OK(fmp_op_input(op("reshape_like"), 1, &arg));
  assert_int_equal(arg.marks, FMP_ARG_SPEC_ONLY);
  OK(fmp_op_input(op("concat"), 0, &arg));
  assert_int_equal(arg.marks, FMP_ARG_VARIADIC);
  OK(fmp_op_input(op("sgd"), 1, &arg));
  assert_int_equal(arg.marks, FMP_ARG_OPTIONAL | FMP_ARG_WRITTEN);
  fmp_op_describe(op("concat"), &info);
  assert_int_equal(info.variadic, 1);
  fmp_op_describe(op("sgd_all"), &info);
  assert_int_equal(info.n_in, 4);
  assert_int_equal(info.variadic, 3);
  OK(fmp_op_input(op("sgd_all"), 2, &arg));
  assert_int_equal(arg.marks, FMP_ARG_OPTIONAL | FMP_ARG_WRITTEN | FMP_ARG_VARIADIC);
  fmp_op_describe(op("reshape"), &info);
  assert_true(info.alias);
}

/* A gradient must not be a surprise at run time: each op it emits is there. */
static void gradients_name_what_there_is(void **state)
{
  (void)state;
  for (int32_t i = 0; i < fmp_op_count(); i++) {
    fmp_op_info info = {.struct_size = sizeof info};
    char list[512], *rest = NULL;
    fmp_op_describe(fmp_op_at(i), &info);
    if (!info.gradient_ops) continue;
    assert_true(strlen(info.gradient_ops) < sizeof list);
    strcpy(list, info.gradient_ops);
    for (char *name = strtok_r(list, " ", &rest); name; name = strtok_r(NULL, " ", &rest))
      assert_non_null(op(name));
  }
}

static void kernels_as_text(void **state)
{
  (void)state;
  const char *text = fmp_op_kernels(op("add"));
  assert_non_null(strstr(text, "cpu/ref"));
  assert_non_null(strstr(text, "priority 0"));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(found_by_name),
      cmocka_unit_test(unknown_names_suggest_the_nearest),
      cmocka_unit_test(every_op_is_documented),
      cmocka_unit_test(arguments_and_marks),
      cmocka_unit_test(gradients_name_what_there_is),
      cmocka_unit_test(kernels_as_text),
  };
  return cmocka_run_group_tests(tests, load_plugins, NULL);
}
