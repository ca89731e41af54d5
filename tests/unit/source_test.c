/* SPDX-License-Identifier: Apache-2.0
 * Sources of examples (kit/source.h) of other plugins: each rule that one can break, by
 * tests/plugin/hostile/bad_source.c, is seen by all that take a source, and what is seen is
 * raised on the thread that asks. And the examples of a good one, tests/plugin/sdk/source.c. */
#define _POSIX_C_SOURCE 200809L
#include "support.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST_FIELDS = 8 };

/* -- bad sources, and what takes them -------------------------------------- */

static fmp_resource *bad_source(const char *how, int64_t count)
{
  const fmp_attr attrs[] = {fmp_attr_string("how", how), fmp_attr_i64("count", count)};
  fmp_resource *source = NULL;
  OK(fmp_resource_open("bad_source", attrs, 2, &source));
  return source;
}

static fmp_attr resource_attr(const char *name, fmp_resource *r)
{
  fmp_attr a = fmp_attr_of(name, FMP_ATTR_RESOURCE);
  a.value.resource = r;
  return a;
}

/* Images, whatever their size, become [8,8,1]. */
static fmp_status open_queue(fmp_resource *source, int64_t batch, fmp_resource **queue)
{
  const fmp_attr attrs[] = {
      resource_attr("source", source), fmp_attr_i64("batch", batch),
      fmp_attr_dtype("dtype", FMP_U8), fmp_attr_i64("threads", 2),
      fmp_attr_list("field", FMP_ATTR_I64S, (fmp_list){(int64_t[]){8, 8}, 2})};
  return fmp_resource_open("batch_queue", attrs, sizeof attrs / sizeof attrs[0], queue);
}

static fmp_status next(fmp_resource *queue, int32_t n, fmp_tensor **out)
{
  const fmp_attr attr = resource_attr("queue", queue);
  return fmp_emit(op("next_batch"), &attr, 1, NULL, 0, out, n);
}

static fmp_status example(fmp_resource *source, int64_t index, int32_t n, fmp_tensor **out)
{
  const fmp_attr attrs[] = {resource_attr("source", source), fmp_attr_i64("index", index)};
  return fmp_emit(op("source_example"), attrs, 2, NULL, 0, out, n);
}

static fmp_status info(fmp_resource *source, fmp_tensor **out)
{
  const fmp_attr attr = resource_attr("source", source);
  return fmp_emit(op("source_info"), &attr, 1, NULL, 0, out, 3);
}

static void drop_all(int32_t n, fmp_tensor **out)
{
  for (int32_t i = 0; i < n; i++) fmp_tensor_release(out[i]);
}

/* The three that take a source. Those that wait for a batch open a queue for it. */
static fmp_status ask_info(fmp_resource *source)
{
  fmp_tensor *out[3];
  const fmp_status status = info(source, out);
  if (status == FMP_OK) drop_all(3, out);
  return status;
}

static fmp_status ask_example(fmp_resource *source)
{
  fmp_tensor *out[2];
  const fmp_status status = example(source, 0, 2, out);
  if (status == FMP_OK) drop_all(2, out);
  return status;
}

static fmp_status ask_queue(fmp_resource *source)
{
  fmp_resource *queue = NULL;
  fmp_tensor *out[2];
  const fmp_status status = open_queue(source, 2, &queue);
  if (status != FMP_OK) return status;
  const fmp_status first = next(queue, 2, out);
  if (first == FMP_OK) drop_all(2, out);
  fmp_resource_release(queue);
  return first;
}

/* -- rules ----------------------------------------------------------------- */

/* A fault, and the text with which each consumer that would notice it refuses the source. */
struct fault {
  const char *how;
  fmp_status status;
  const char *text;
};

static void expect_refused(const struct fault *f, fmp_status (*ask)(fmp_resource *))
{
  fmp_resource *source = bad_source(f->how, 4);
  for (int i = 0; i < 2; i++)
    check_fails(ask(source), f->status, f->text, f->how, __FILE__, __LINE__);
  fmp_resource_release(source);
}

/* A source whose description is wrong: no consumer takes it. */
static void definitions(void **state)
{
  (void)state;
  static const struct fault faults[] = {
      {"struct_short", FMP_EPLUGIN, "a source: its size is wrong, or it is of a newer interface"},
      {"struct_absurd", FMP_EPLUGIN, "a source: its size is wrong"},
      {"struct_newer_set", FMP_EPLUGIN, "a source: its size is wrong"},
      {"read_missing", FMP_EPLUGIN, "a source: expected a function read"},
      {"reserved_set", FMP_EPLUGIN, "a source: expected 0 in a reserved field"},
      {"count_zero", FMP_EPLUGIN, "a source: expected at least one example, got 0"},
      {"count_negative", FMP_EPLUGIN, "a source: expected at least one example, got -1"},
      {"scratch_negative", FMP_EPLUGIN, "a source: expected scratch_bytes of 0 or more, got -1"},
      {"fields_none", FMP_EPLUGIN, "a source: expected 1 to 8 fields, got 0"},
      {"fields_many", FMP_EPLUGIN, "a source: expected 1 to 8 fields, got 9"},
      {"fields_null", FMP_EPLUGIN, "a source: expected 1 to 8 fields, got 0"},
      {"stride_short", FMP_EPLUGIN, "a source: expected a field_size of at least"},
      {"stride_absurd", FMP_EPLUGIN, "a source: expected a field_size of at least"},
      {"field_short", FMP_EPLUGIN, "field 2 of a source: its size is wrong, or it is of a newer"},
      {"field_beyond_stride", FMP_EPLUGIN, "field 2 of a source: its size is wrong"},
      {"field_newer_set", FMP_EPLUGIN, "field 2 of a source: its size is wrong"},
      {"name_null", FMP_EPLUGIN, "field 2 of a source: expected an identifier as its name"},
      {"name_empty", FMP_EPLUGIN, "field 2 of a source: expected an identifier"},
      {"name_digit", FMP_EPLUGIN, "field 2 of a source: expected an identifier"},
      {"name_odd", FMP_EPLUGIN, "field 2 of a source: expected an identifier"},
      {"name_long", FMP_EPLUGIN, "field 2 of a source: expected an identifier"},
      {"name_twice", FMP_EPLUGIN,
       "field 2 of a source: expected another name than field 1 has, got 'image'"},
      {"dtype_absent", FMP_EPLUGIN, "field 'label' of a source: nothing is not a possible type"},
      {"dtype_unknown", FMP_EPLUGIN, "field 'label' of a source: ? [] is not a possible type"},
      {"rank_beyond", FMP_EPLUGIN, "field 'label' of a source: f32 [1,1,4,0,0,0,0,0] is no"},
      {"rank_huge", FMP_EPLUGIN, "field 'label' of a source: f32 [1,1,4,0,0,0,0,0] is no"},
      {"side_negative", FMP_EPLUGIN, "field 'label' of a source: f32 [-2] is not a possible type"},
      {"side_huge", FMP_EPLUGIN, "field 'label' of a source: f32 [4611686018427387903] is no"},
      {"sides_wrap", FMP_EPLUGIN, "field 'label' of a source: u8 [2147483648,2147483648,4] is no"},
      {"shape_missing", FMP_EPLUGIN,
       "field 'label' of a source: f32 [-1] differs from example to example, but the source has "
       "no shape()"}};
  for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
    expect_refused(&faults[i], ask_info);
    expect_refused(&faults[i], ask_example);
    expect_refused(&faults[i], ask_queue);
  }
}

/* What shape() and read() do is seen when an example is asked for, and again each time. */
static void examples(void **state)
{
  (void)state;
  static const struct fault faults[] = {
      {"fails_silently", FMP_EIO, "example 0: its reader failed and did not say why"},
      {"ends", FMP_EPLUGIN, "example 0: its reader returned status 12, not a failure"},
      {"knows_no_status", FMP_EPLUGIN, "example 0: its reader returned status -1, not a failure"},
      {"stays_open", FMP_EPLUGIN,
       "example 0: its reader gives field 'image' as u8 [-1,64,1], expected u8 [-1,-1,1]"},
      {"other_rank", FMP_EPLUGIN, "gives field 'image' as u8 [64,64], expected u8 [-1,-1,1]"},
      {"huge_rank", FMP_EPLUGIN, "gives field 'image' as u8 [64,64,1,0,0,0,0,0], expected"},
      {"other_dtype", FMP_EPLUGIN, "gives field 'image' as f32 [64,64,1], expected u8"},
      {"other_channels", FMP_EPLUGIN, "gives field 'image' as u8 [64,64,4], expected u8"},
      {"wraps", FMP_EPLUGIN, "gives field 'image' as u8 [4294967296,4294967296,1], expected u8"},
      {"silent", FMP_EIO, "example 0: its reader failed and did not say why"},
      {"unknown", FMP_EPLUGIN, "example 0: its reader returned status 99, not a failure"},
      {"ends_early", FMP_EPLUGIN, "example 0: its reader returned status 12, not a failure"},
      {"speaks", FMP_EDATA, "said so"},
      {"unended_text", FMP_EDATA, "xxxxxxxx"},
      {"scratch_huge", FMP_ENOMEM, "no memory for"}};
  for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
    expect_refused(&faults[i], ask_example);
    expect_refused(&faults[i], ask_queue);
  }
}

/* What only one of them cannot do. */
static void uses(void **state)
{
  (void)state;
  static const struct fault grows = {"grows", FMP_EPLUGIN,
                                     "a source gives field 'image' as u8 [200,64,1], but gave it "
                                     "differently before"};
  static const struct fault many = {"count_huge", FMP_EINVAL,
                                    "expected at most 2147483647 examples, got "
                                    "9223372036854775807: take uses the first ones"};
  static const struct fault full = {"rank_full", FMP_ESHAPE,
                                    "field 'label' is u8 [1,1,1,1,1,1,1,1]: a batch would have "
                                    "more than 8 dimensions"};
  static const struct fault empty = {"empty", FMP_EDATA,
                                     "example 0: expected 'image' as an image with sides from 1 "
                                     "to 65535, got u8 [0,64,1]"};
  fmp_resource *source = bad_source("grows", 4);
  FAILS(ask_example(source), grows.status, grows.text);
  fmp_resource_release(source);
  expect_refused(&many, ask_queue);
  expect_refused(&full, ask_queue);
  expect_refused(&empty, ask_queue);
}

/* Sources that look odd and are allowed. */
static void allowed(void **state)
{
  (void)state;
  static const char *const ways[] = {"struct_newer", "field_newer", "field_older",
                                     "name_longest", "varies",      "speaks_in_vain",
                                     "scribbles"};
  for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
    fmp_resource *source = bad_source(ways[i], 4);
    OK(ask_info(source));
    OK(ask_example(source));
    OK(ask_queue(source));
    fmp_resource_release(source);
  }
}

/* -- what is not written, and what takes long ------------------------------- */

static void make_dirt(void)
{
  void *dirt[64]; /* what malloc reuses */
  for (int i = 0; i < 64; i++) memset(dirt[i] = malloc(4096), 0xAB, 4096);
  for (int i = 0; i < 64; i++) free(dirt[i]);
}

static void expect_zeros(fmp_tensor *t)
{
  static unsigned char bytes[1 << 16];
  fmp_spec spec;
  fmp_tensor_spec(t, &spec);
  int64_t n = fmp_dtype_size(spec.dtype);
  for (uint32_t i = 0; i < spec.rank; i++) n *= spec.shape[i];
  assert_true(n <= (int64_t)sizeof bytes);
  memset(bytes, 1, sizeof bytes);
  OK(fmp_tensor_read(t, bytes, n));
  for (int64_t i = 0; i < n; i++) assert_int_equal(bytes[i], 0);
}

/* A source that writes nothing gives zeros, and no old memory. */
static void nothing_is_written(void **state)
{
  (void)state;
  static const char *const ways[] = {"writes_nothing", "varies"};
  for (int i = 0; i < 2; i++) {
    fmp_resource *source = bad_source(ways[i], 4), *queue = NULL;
    fmp_tensor *out[2];
    make_dirt();
    OK(example(source, 1, 2, out));
    for (int k = 0; k < 2; k++) expect_zeros(out[k]);
    drop_all(2, out);
    make_dirt();
    OK(open_queue(source, 2, &queue));
    OK(next(queue, 2, out));
    for (int k = 0; k < 2; k++) expect_zeros(out[k]);
    drop_all(2, out);
    fmp_resource_release(queue);
    fmp_resource_release(source);
  }
}

static void *interrupt_later(void *when)
{
  nanosleep(when, NULL);
  fmp_interrupt();
  return NULL;
}

/* Waiting for a batch that takes for ever, and closing the queue, both end at once. */
static void interrupted_while_waiting(void **state)
{
  (void)state;
  enum { MANY = 1000000 };
  fmp_resource *source = bad_source("slow", MANY), *queue = NULL;
  fmp_tensor *out[2];
  OK(open_queue(source, MANY, &queue));
  for (int i = 0; i < 2; i++) {
    fmp_interrupt();
    FAILS(next(queue, 2, out), FMP_EINTERRUPTED, "interrupted");
  }
  const struct timespec soon = {.tv_nsec = 120 * 1000 * 1000};
  pthread_t other;
  assert_int_equal(pthread_create(&other, NULL, interrupt_later, (void *)(uintptr_t)&soon), 0);
  FAILS(next(queue, 2, out), FMP_EINTERRUPTED, "interrupted"); /* while it waits */
  pthread_join(other, NULL);
  fmp_resource_release(queue);
  fmp_resource_release(source);
}

/* -- a good source --------------------------------------------------------- */

enum { POINT, NUMBER, MASK, WEIGHT, WORD, PICTURE, THUMB, TARGET, FIELDS, COUNT = 9 };

static fmp_resource *good_source(void)
{
  const fmp_attr count = fmp_attr_i64("count", COUNT);
  fmp_resource *source = NULL;
  OK(fmp_resource_open("sdk_shapes", &count, 1, &source));
  return source;
}

static void expect_spec(fmp_tensor *t, fmp_spec want)
{
  char text[FMP_SPEC_TEXT], wanted[FMP_SPEC_TEXT];
  fmp_spec spec;
  fmp_tensor_spec(t, &spec);
  assert_string_equal(fmp_spec_text(&spec, text), fmp_spec_text(&want, wanted));
}

/* Element by element, as the source's documentation has it. */
static void expect_example(fmp_tensor **out, int64_t i)
{
  float point[3], target;
  int64_t number;
  double weight;
  uint8_t mask[6], word[COUNT], picture[COUNT * 2 * COUNT], thumb[12];
  expect_spec(out[POINT], (fmp_spec){.dtype = FMP_F32, .rank = 1, .shape = {3}});
  expect_spec(out[NUMBER], (fmp_spec){.dtype = FMP_I64, .rank = 0, .shape = {0}});
  expect_spec(out[MASK], (fmp_spec){.dtype = FMP_U8, .rank = 2, .shape = {2, 3}});
  expect_spec(out[WEIGHT], (fmp_spec){.dtype = FMP_F64, .rank = 0, .shape = {0}});
  expect_spec(out[WORD], (fmp_spec){.dtype = FMP_U8, .rank = 1, .shape = {i}});
  expect_spec(out[PICTURE],
              (fmp_spec){.dtype = FMP_U8, .rank = 3, .shape = {i + 1, i > 1 ? 2 * i : 2, 1}});
  expect_spec(out[THUMB], (fmp_spec){.dtype = FMP_U8, .rank = 3, .shape = {2, 2, 3}});
  OK(fmp_tensor_read(out[POINT], point, sizeof point));
  OK(fmp_tensor_read(out[NUMBER], &number, sizeof number));
  OK(fmp_tensor_read(out[MASK], mask, sizeof mask));
  OK(fmp_tensor_read(out[WEIGHT], &weight, sizeof weight));
  OK(fmp_tensor_read(out[WORD], word, i));
  OK(fmp_tensor_read(out[PICTURE], picture, (i + 1) * (i > 1 ? 2 * i : 2)));
  expect_spec(out[TARGET], (fmp_spec){.dtype = FMP_F32, .rank = 1, .shape = {1}});
  OK(fmp_tensor_read(out[TARGET], &target, sizeof target));
  NEAR(target, (double)i / 2, 0);
  OK(fmp_tensor_read(out[THUMB], thumb, sizeof thumb));
  for (int k = 0; k < 12; k++) assert_int_equal(thumb[k], i);
  NEAR(point[0], (double)i, 0);
  NEAR(point[1], (double)i + 0.5, 0);
  NEAR(point[2], -(double)i, 0);
  assert_true(number == INT64_C(10000000000) * i);
  NEAR(weight, 1.0 / (double)(i + 1), 0);
  for (int k = 0; k < 6; k++) assert_int_equal(mask[k], i >> k & 1);
  for (int64_t k = 0; k < i; k++) assert_int_equal(word[k], i);
  for (int64_t k = 0; k < (i + 1) * (i > 1 ? 2 * i : 2); k++) assert_int_equal(picture[k], i);
}

static void one_example(void **state)
{
  (void)state;
  fmp_resource *source = good_source();
  fmp_tensor *out[MOST_FIELDS];
  for (int64_t i = 0; i < COUNT; i++) {
    OK(example(source, i, MOST_FIELDS, out));
    expect_example(out, i);
    drop_all(FIELDS, out);
    OK(example(source, i, 1, out)); /* what is not asked for is not read */
    expect_spec(out[POINT], (fmp_spec){.dtype = FMP_F32, .rank = 1, .shape = {3}});
    drop_all(1, out);
  }
  FAILS(example(source, COUNT, 1, out), FMP_EINVAL, "expected index below 9, got 9");
  FAILS(example(source, -1, 1, out), FMP_EINVAL, "index");
  fmp_resource_release(source);
}

/* All fields that can be stacked, in another order; pictures of one size. */
static const char *const delivered[] = {"picture", "weight", "mask", "number", "point"};
enum { DELIVERED = 5, SIDE = 4 };

static fmp_resource *good_queue(fmp_resource *source, int64_t threads)
{
  const fmp_attr attrs[] = {
      resource_attr("source", source),
      fmp_attr_i64("batch", 4),
      fmp_attr_i64("threads", threads),
      fmp_attr_list("deliver", FMP_ATTR_STRINGS, (fmp_list){delivered, DELIVERED}),
      fmp_attr_list("field", FMP_ATTR_I64S, (fmp_list){(int64_t[]){SIDE, SIDE}, 2}),
      fmp_attr_f64("shift", 0.25)};
  fmp_resource *queue = NULL;
  OK(fmp_resource_open("batch_queue", attrs, sizeof attrs / sizeof attrs[0], &queue));
  return queue;
}

/* Where a side of n pixels, centred on one of SIDE, has no pixel at place k. */
static int is_margin(int64_t n, int64_t k)
{
  const int64_t first = n < SIDE ? (SIDE - n) / 2 : 0;
  return k < first || k >= first + n;
}

static void expect_picture(const float *picture, int64_t i)
{
  for (int64_t r = 0; r < SIDE; r++)
    for (int64_t c = 0; c < SIDE; c++) {
      const int margin = is_margin(i + 1, r) || is_margin(i > 1 ? 2 * i : 2, c);
      NEAR(picture[r * SIDE + c], margin ? 0 : (double)i + 0.25, 0);
    }
}

static void expect_batch(fmp_tensor **out, int64_t first, int64_t rows)
{
  float picture[4 * SIDE * SIDE], point[4 * 3];
  double weight[4];
  uint8_t mask[4 * 6];
  int64_t number[4];
  expect_spec(out[0], (fmp_spec){.dtype = FMP_F32, .rank = 4, .shape = {rows, SIDE, SIDE, 1}});
  expect_spec(out[1], (fmp_spec){.dtype = FMP_F64, .rank = 1, .shape = {rows}});
  expect_spec(out[2], (fmp_spec){.dtype = FMP_U8, .rank = 3, .shape = {rows, 2, 3}});
  expect_spec(out[3], (fmp_spec){.dtype = FMP_I64, .rank = 1, .shape = {rows}});
  expect_spec(out[4], (fmp_spec){.dtype = FMP_F32, .rank = 2, .shape = {rows, 3}});
  OK(fmp_tensor_read(out[0], picture, rows * SIDE * SIDE * 4));
  OK(fmp_tensor_read(out[1], weight, rows * 8));
  OK(fmp_tensor_read(out[2], mask, rows * 6));
  OK(fmp_tensor_read(out[3], number, rows * 8));
  OK(fmp_tensor_read(out[4], point, rows * 12));
  for (int64_t row = 0; row < rows; row++) {
    const int64_t i = first + row;
    expect_picture(picture + row * SIDE * SIDE, i);
    NEAR(weight[row], 1.0 / (double)(i + 1), 0);
    for (int k = 0; k < 6; k++) assert_int_equal(mask[row * 6 + k], i >> k & 1);
    assert_true(number[row] == INT64_C(10000000000) * i);
    NEAR(point[row * 3 + 2], -(double)i, 0);
  }
}

/* Every example lands whole in its row, whoever reads it and whatever was in the slot before. */
static void batches_of_all_fields(void **state)
{
  (void)state;
  for (int64_t threads = 1; threads <= 8; threads *= 2) {
    fmp_resource *source = good_source(), *queue = good_queue(source, threads);
    fmp_resource_release(source);
    for (int epoch = 0; epoch < 4; epoch++)
      for (int64_t first = 0; first < COUNT; first += 4) {
        fmp_tensor *out[MOST_FIELDS];
        OK(next(queue, MOST_FIELDS, out));
        expect_batch(out, first, first + 4 <= COUNT ? 4 : COUNT - first);
        for (int k = DELIVERED; k < MOST_FIELDS; k++) assert_null(out[k]);
        drop_all(DELIVERED, out);
      }
    fmp_resource_release(queue);
  }
}

/* -- memory ---------------------------------------------------------------- */

static void no_memory(void **state)
{
  (void)state;
  fmp_tensor *out[MOST_FIELDS];
  fmp_resource *source = good_source(), *queue = good_queue(source, 2);
  OK(next(queue, MOST_FIELDS, out)); /* whatever is made once */
  drop_all(DELIVERED, out);
  fmp_resource_release(queue);
  const int64_t before = fmp_live_bytes();
  int failures = 0;
  for (int64_t after = 0;; after++) {
    fmp_fail_allocation(after);
    const fmp_status status = example(source, 3, FIELDS, out);
    fmp_fail_allocation(-1);
    if (status == FMP_OK) break;
    assert_int_equal(status, FMP_ENOMEM);
    assert_int_equal(fmp_live_bytes(), before);
    failures++;
  }
  assert_true(failures > FIELDS);
  drop_all(FIELDS, out);
  assert_int_equal(fmp_live_bytes(), before);
  fmp_resource_release(source);
}

static int load_all(void **state)
{
  if (load_sdk_plugin(state) != 0) return 1;
  return fmp_plugin_load(FMP_TEST_PLUGINS "/hostile/fmp_bad_source.so") != FMP_OK;
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(definitions),
      cmocka_unit_test(examples),
      cmocka_unit_test(uses),
      cmocka_unit_test(allowed),
      cmocka_unit_test(one_example),
      cmocka_unit_test(batches_of_all_fields),
      cmocka_unit_test(nothing_is_written),
      cmocka_unit_test(interrupted_while_waiting),
      cmocka_unit_test(no_memory),
  };
  return cmocka_run_group_tests(tests, load_all, NULL);
}
