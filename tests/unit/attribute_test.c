/* SPDX-License-Identifier: Apache-2.0
 * Attributes that are lists, of every kind: as they are given, told apart, printed, saved. */
#include <math.h>
#include <string.h>

#include "support.h"

enum { ANSWERS = 5, FLAGS = 0, SIZES, FACTORS, WORDS, TYPES };

static fmp_attr list_attr(const char *name, uint32_t kind, const void *items, int64_t count)
{
  return fmp_attr_list(name, kind, (fmp_list){items, count});
}

/* Answer `which` of sdk_lists with one attribute. */
static double answer(fmp_attr attr, int which)
{
  double all[ANSWERS];
  fmp_tensor *y = call_with("sdk_lists", &attr, 1, 0);
  OK(fmp_tensor_read(y, all, sizeof all));
  fmp_tensor_release(y);
  return all[which];
}

static fmp_status try(fmp_attr attr)
{
  fmp_tensor *y = NULL;
  const fmp_status status = fmp_emit(op("sdk_lists"), &attr, 1, NULL, 0, &y, 1);
  fmp_tensor_release(y);
  return status;
}

static const int32_t flags[] = {1, 0, 1};
static const int64_t sizes[] = {3, 4, 5};
static const double factors[] = {0.5, 3};
static const char *const words[] = {"green", "red"};
static const char *const other_words[] = {"green", "blue"};
static const uint32_t types[] = {FMP_F64, FMP_BF16};

static void given_as_lists(void **state)
{
  (void)state;
  NEAR(answer(list_attr("flags", FMP_ATTR_BOOLS, flags, 3), FLAGS), 2, 0);
  NEAR(answer(list_attr("sizes", FMP_ATTR_I64S, sizes, 3), SIZES), 12, 0);
  NEAR(answer(list_attr("factors", FMP_ATTR_F64S, factors, 2), FACTORS), 1.5, 0);
  NEAR(answer(list_attr("factors", FMP_ATTR_I64S, sizes, 3), FACTORS), 60, 0); /* widened */
  NEAR(answer(list_attr("words", FMP_ATTR_STRINGS, words, 2), WORDS), 8, 0);
  NEAR(answer(list_attr("types", FMP_ATTR_DTYPES, types, 2), TYPES), 10, 0);
  NEAR(answer(list_attr("sizes", FMP_ATTR_I64S, NULL, 0), SIZES), 0, 0);
}

static void one_value_for_a_list(void **state)
{
  (void)state;
  NEAR(answer(fmp_attr_bool("flags", 1), FLAGS), 1, 0);
  NEAR(answer(fmp_attr_i64("sizes", 9), SIZES), 9, 0);
  NEAR(answer(fmp_attr_f64("factors", 0.25), FACTORS), 0.25, 0);
  NEAR(answer(fmp_attr_i64("factors", 4), FACTORS), 4, 0);
  NEAR(answer(fmp_attr_string("words", "blue"), WORDS), 4, 0);
  NEAR(answer(fmp_attr_dtype("types", FMP_U8), TYPES), 1, 0);
}

/* The same op with another list is another op: a prepared one is not taken for it. */
static void told_apart(void **state)
{
  (void)state;
  NEAR(answer(list_attr("words", FMP_ATTR_STRINGS, words, 2), WORDS), 8, 0);
  NEAR(answer(list_attr("words", FMP_ATTR_STRINGS, other_words, 2), WORDS), 9, 0);
  NEAR(answer(list_attr("words", FMP_ATTR_STRINGS, words, 1), WORDS), 5, 0);
  NEAR(answer(list_attr("words", FMP_ATTR_STRINGS, words, 2), WORDS), 8, 0);
  NEAR(answer(list_attr("flags", FMP_ATTR_BOOLS, flags, 2), FLAGS), 1, 0);
  NEAR(answer(list_attr("flags", FMP_ATTR_BOOLS, flags, 3), FLAGS), 2, 0);
}

static void refused(void **state)
{
  (void)state;
  static const int64_t negative[] = {1, -1};
  static const char *const unknown[] = {"red", "gren"};
  static const uint32_t no_type[] = {FMP_F32, 99};
  FAILS(try(list_attr("sizes", FMP_ATTR_I64S, negative, 2)), FMP_EINVAL, "sizes");
  FAILS(try(list_attr("words", FMP_ATTR_STRINGS, unknown, 2)), FMP_EINVAL, "words");
  FAILS(try(list_attr("types", FMP_ATTR_DTYPES, no_type, 2)), FMP_EINVAL, "types");
  FAILS(try(list_attr("sizes", FMP_ATTR_F64S, factors, 2)), FMP_EINVAL, "sizes");
  FAILS(try(list_attr("sizes", FMP_ATTR_I64S, sizes, -1)), FMP_EINVAL, "sizes");
  FAILS(try(list_attr("sizes", FMP_ATTR_I64S, NULL, 2)), FMP_EINVAL, "sizes");
}

/* A limit that is left out excludes nothing, one that is given does. NaN is within no limits. */
static void limited(void **state)
{
  (void)state;
  const double infinite[] = {INFINITY}, none[] = {NAN};
  assert_true(isinf(answer(list_attr("factors", FMP_ATTR_F64S, infinite, 1), FACTORS)));
  FAILS(try(list_attr("factors", FMP_ATTR_F64S, none, 1)), FMP_EINVAL, "factors");
  const double slopes[] = {INFINITY, -INFINITY, NAN, -1e-300};
  fmp_tensor *x = vector(1, (const float[]){1}), *y = NULL;
  for (int i = 0; i < 4; i++) {
    const fmp_attr slope = fmp_attr_f64("slope", slopes[i]);
    FAILS(fmp_emit(op("leaky_relu"), &slope, 1, &x, 1, &y, 1), FMP_EINVAL, "[0,inf)");
  }
  const fmp_attr largest = fmp_attr_f64("slope", 0x1.fffffep127);
  OK(fmp_emit(op("leaky_relu"), &largest, 1, &x, 1, &y, 1));
  drop(2, x, y);
}

static fmp_graph *trace_of(const fmp_attr *attrs, int32_t n)
{
  fmp_graph *g = NULL;
  OK(fmp_trace_begin(NULL, NULL, 0, 0, NULL));
  fmp_tensor *y = call_with("sdk_lists", attrs, n, 0);
  OK(fmp_trace_end(&y, 1, &g));
  fmp_tensor_release(y);
  return g;
}

/* A graph with all of them is printed, compared, saved, loaded. */
static void saved_and_loaded(void **state)
{
  (void)state;
  const fmp_attr attrs[] = {list_attr("flags", FMP_ATTR_BOOLS, flags, 3),
                            list_attr("words", FMP_ATTR_STRINGS, words, 2),
                            list_attr("types", FMP_ATTR_DTYPES, types, 2)};
  const fmp_attr other = list_attr("words", FMP_ATTR_STRINGS, other_words, 2);
  fmp_graph *g = trace_of(attrs, 3), *changed = trace_of(&other, 1), *loaded = NULL;
  assert_non_null(strstr(fmp_graph_text(g), "words = [green,red]"));
  OK(fmp_graph_save(g, scratch_path("lists")));
  OK(fmp_graph_load(scratch_path("lists"), NULL, &loaded));
  OK(fmp_graph_compare(g, loaded));
  FAILS(fmp_graph_compare(g, changed), FMP_EINVAL, "sdk_lists");
  fmp_graph_release(g);
  fmp_graph_release(changed);
  fmp_graph_release(loaded);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(given_as_lists), cmocka_unit_test(one_value_for_a_list),
      cmocka_unit_test(told_apart),     cmocka_unit_test(refused),
      cmocka_unit_test(limited),        cmocka_unit_test(saved_and_loaded),
  };
  return cmocka_run_group_tests(tests, load_sdk_plugin, NULL);
}
