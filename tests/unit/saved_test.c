/* SPDX-License-Identifier: Apache-2.0
 * Saved graphs: there and back, and files that are not what they say. */
#define _POSIX_C_SOURCE 200809L /* strdup */
#include "model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROWS = 4 };
static const float x_values[2 * ROWS] = {1, 2, -3, 4, 5, -6, 7, 8};

/* A saved model as bytes, and its safetensors header as text: 8 bytes of length, little
 * endian, then JSON, then the tensors. */
struct saved {
  unsigned char *bytes;
  size_t n, header; /* bytes of JSON */
  char *json;
};

static void save_model(const char *path)
{
  model m;
  fmp_graph *g = NULL;
  OK(model_new(&m));
  OK(model_trace(&m, 2, &g));
  OK(fmp_graph_save(g, path));
  fmp_graph_release(g);
  model_free(&m);
}

static int set_up(void **state)
{
  struct saved *s = calloc(1, sizeof *s);
  const char *path = scratch_path("good.safetensors");
  save_model(path);
  s->bytes = read_file(path, &s->n);
  for (int i = 7; i >= 0; i--) s->header = s->header << 8 | s->bytes[i];
  assert_true(8 + s->header <= s->n);
  s->json = calloc(1, s->header + 1);
  memcpy(s->json, s->bytes + 8, s->header);
  *state = s;
  return 0;
}

static int tear_down(void **state)
{
  struct saved *s = *state;
  free(s->bytes);
  free(s->json);
  free(s);
  return 0;
}

static fmp_status load_bytes(const void *bytes, size_t n)
{
  fmp_graph *g = NULL;
  const char *path = scratch_path("hostile.safetensors");
  write_file(path, bytes, n);
  const int64_t before = fmp_live_bytes();
  const fmp_status status = fmp_graph_load(path, NULL, &g);
  if (status != FMP_OK) {
    assert_null(g);
    assert_int_equal(fmp_live_bytes(), before);
    assert_non_null(strstr(fmp_last_error(), "hostile.safetensors"));
  }
  if (g) fmp_graph_release(g);
  return status;
}

/* A file of this JSON and the good file's tensors. */
static fmp_status load_json(const struct saved *s, const char *json)
{
  const size_t n = strlen(json), data = s->n - 8 - s->header;
  unsigned char *bytes = malloc(8 + n + data);
  assert_non_null(bytes);
  for (int i = 0; i < 8; i++) bytes[i] = (unsigned char)((uint64_t)n >> (8 * i));
  memcpy(bytes + 8, json, n);
  memcpy(bytes + 8 + n, s->bytes + 8 + s->header, data);
  const fmp_status status = load_bytes(bytes, 8 + n + data);
  free(bytes);
  return status;
}

/* -- there and back -------------------------------------------------------- */

static void round_trip(void **state)
{
  (void)state;
  fmp_graph *g = NULL;
  fmp_spec spec;
  OK(fmp_graph_load(scratch_path("good.safetensors"), NULL, &g));
  assert_int_equal(fmp_graph_inputs(g), 1);
  OK(fmp_graph_input_spec(g, 0, &spec));
  assert_int_equal(spec.shape[1], 2);
  for (int64_t n = 1; n <= ROWS; n++) {
    float want[ROWS];
    fmp_tensor *x = matrix(n, 2, x_values), *y = NULL;
    OK(model_replay(g, x, &y));
    model_expect(x_values, n, want);
    expect_values(y, n, want, 1e-5);
    drop(2, x, y);
  }
  fmp_graph_release(g);
}

static void saved_twice_is_the_same_file(void **state)
{
  const struct saved *s = *state;
  size_t n;
  fmp_graph *g = NULL;
  OK(fmp_graph_load(scratch_path("good.safetensors"), NULL, &g));
  OK(fmp_graph_save(g, scratch_path("again.safetensors")));
  unsigned char *again = read_file(scratch_path("again.safetensors"), &n);
  assert_int_equal(n, s->n);
  assert_memory_equal(again, s->bytes, n);
  free(again);
  fmp_graph_release(g);
}

static void a_note_is_saved(void **state)
{
  (void)state;
  fmp_graph *g = NULL, *loaded = NULL;
  OK(fmp_graph_load(scratch_path("good.safetensors"), NULL, &g));
  OK(fmp_graph_set_batch_note(g, "it divides by 2"));
  OK(fmp_graph_save(g, scratch_path("note.safetensors")));
  OK(fmp_graph_load(scratch_path("note.safetensors"), NULL, &loaded));
  assert_string_equal(fmp_graph_batch_note(loaded), "it divides by 2");
  fmp_graph_release(loaded);
  fmp_graph_release(g);
}

static void where_nothing_can_be_written(void **state)
{
  (void)state;
  fmp_graph *g = NULL;
  OK(fmp_graph_load(scratch_path("good.safetensors"), NULL, &g));
  FAILS(fmp_graph_save(g, scratch_path("missing/x.safetensors")), FMP_EIO, "missing/x.safetensors");
  FAILS(fmp_graph_save(g, ""), FMP_EIO, "");
  fmp_graph_release(g);
}

static void a_failed_save_leaves_the_old_file(void **state)
{
  const struct saved *s = *state;
  fmp_graph *g = NULL;
  char path[256];
  size_t n;
  strcpy(path, scratch_path("kept.safetensors"));
  OK(fmp_graph_load(scratch_path("good.safetensors"), NULL, &g));
  OK(fmp_graph_save(g, path));
  for (int64_t k = 0; k < 3; k++) {
    fmp_fail_allocation(k);
    const fmp_status status = fmp_graph_save(g, path);
    fmp_fail_allocation(-1);
    if (status != FMP_OK) assert_int_equal(status, FMP_ENOMEM);
    unsigned char *bytes = read_file(path, &n);
    assert_int_equal(n, s->n);
    assert_memory_equal(bytes, s->bytes, n);
    free(bytes);
  }
  fmp_graph_release(g);
}

/* -- hostile files --------------------------------------------------------- */

static void missing_files(void **state)
{
  (void)state;
  fmp_graph *g = NULL;
  FAILS(fmp_graph_load(scratch_path("nobody"), NULL, &g), FMP_EIO, "nobody");
  assert_int_not_equal(fmp_graph_load("/", NULL, &g), FMP_OK); /* a directory */
  assert_null(g);
}

static void cut_short_anywhere(void **state)
{
  const struct saved *s = *state;
  for (size_t n = 0; n < s->n; n++) assert_int_equal(load_bytes(s->bytes, n), FMP_EDATA);
}

static void longer_than_it_says(void **state)
{
  const struct saved *s = *state;
  unsigned char *bytes = calloc(1, s->n + 100);
  memcpy(bytes, s->bytes, s->n);
  assert_int_equal(load_bytes(bytes, s->n + 100), FMP_EDATA);
  free(bytes);
}

/* Header lengths that point beyond the file, or overflow when 8 is added. */
static void absurd_header_lengths(void **state)
{
  const struct saved *s = *state;
  const uint64_t lengths[] = {0,          1,         s->n - 7,   s->n,
                              UINT32_MAX, INT64_MAX, UINT64_MAX, UINT64_MAX - 7};
  unsigned char *bytes = malloc(s->n);
  memcpy(bytes, s->bytes, s->n);
  for (size_t k = 0; k < sizeof lengths / sizeof lengths[0]; k++) {
    for (int i = 0; i < 8; i++) bytes[i] = (unsigned char)(lengths[k] >> (8 * i));
    assert_int_equal(load_bytes(bytes, s->n), FMP_EDATA);
  }
  free(bytes);
}

/* Each byte of the header spoilt in several ways. Some results are still good files (a
 * name, a number within bounds), so what counts is that nothing breaks or leaks. */
static void every_byte_spoilt(void **state)
{
  const struct saved *s = *state;
  const unsigned char spoilers[] = {0, '"', '9', '-', 0xFF};
  unsigned char *bytes = malloc(s->n);
  int refused = 0;
  memcpy(bytes, s->bytes, s->n);
  for (size_t i = 0; i < 8 + s->header; i++)
    for (size_t k = 0; k < sizeof spoilers; k++) {
      bytes[i] = spoilers[k];
      refused += load_bytes(bytes, s->n) != FMP_OK;
      bytes[i] = s->bytes[i];
    }
  assert_true(refused > (int)s->header);
  free(bytes);
}

static void json_that_is_no_model(void **state)
{
  const struct saved *s = *state;
  static const char *const texts[] = {
      "",
      "{",
      "[]",
      "null",
      "42",
      "\"x\"",
      "{}",
      "{\"__metadata__\":{}}",
      "{\"__metadata__\":42}",
      "{\"__metadata__\":{\"fmp.graph\":\"not JSON\"}}",
      "{\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
      "{\"w\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}",
      "{\"w\":{\"dtype\":\"Q7\",\"shape\":[1],\"data_offsets\":[0,4]}}",
      "{\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]}}",
      "{\"w\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904,4],\"data_offsets\":[0,4]}}",
      "{\"w\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,4]}}",
      "{\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0]}}",
      "{\"w\":{\"dtype\":\"F32\",\"shape\":1,\"data_offsets\":[0,4]}}",
      "{\"w\":[]}",
  };
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
    assert_int_equal(load_json(s, texts[i]), FMP_EDATA);
}

/* Brackets within brackets: a parser that recurses must have a limit. */
static void deeply_nested_json(void **state)
{
  const struct saved *s = *state;
  static char deep[1 << 20];
  memset(deep, '[', sizeof deep - 1);
  assert_int_equal(load_json(s, deep), FMP_EDATA);
}

/* The good header with the k-th occurrence of `key`'s array replaced. */
static char *with_array(const char *json, const char *key, int k, const char *array)
{
  const char *at = json;
  for (int i = 0; i <= k; i++) {
    at = strstr(i ? at + 1 : at, key);
    if (!at) return NULL;
  }
  const char *begin = strchr(at, '['), *end = strchr(at, ']');
  char *copy = calloc(1, strlen(json) + strlen(array) + 1);
  memcpy(copy, json, (size_t)(begin - json));
  strcat(copy, array);
  strcat(copy, end + 1);
  return copy;
}

static void tensors_that_overlap_or_lie_outside(void **state)
{
  const struct saved *s = *state;
  static const char *const offsets[] = {
      "[0,0]",
      "[0,4]",
      "[-24,0]",
      "[4,28]",
      "[1000000,1000024]",
      "[24,0]",
      "[9223372036854775800,9223372036854775807]",
      "[18446744073709551592,0]",
      "[0,24,48]",
      "[\"0\",\"24\"]",
      "[0.5,24.5]",
  };
  int tried = 0;
  for (int k = 0; k < 2; k++)
    for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++, tried++) {
      char *json = with_array(s->json, "\"data_offsets\"", k, offsets[i]);
      assert_non_null(json);
      if (load_json(s, json) != FMP_EDATA) fail_msg("accepted: %s", json);
      free(json);
    }
  assert_true(tried > 0);
}

/* Both tensors at the first one's bytes: each range is possible, both together are not. */
static void tensors_on_each_other(void **state)
{
  const struct saved *s = *state;
  const char *first = strstr(s->json, "\"data_offsets\"");
  const char *second = strstr(first + 1, "\"data_offsets\"");
  char *json = strdup(s->json), range[64] = "";
  assert_non_null(second);
  /* w1 has 24 bytes, w2 12; whichever is first, the second one starts at 0 as well. */
  const int second_is_w2 = strncmp(strchr(second, '['), "[24", 3) == 0;
  snprintf(range, sizeof range, "[0,%d]", second_is_w2 ? 12 : 24);
  free(json);
  json = with_array(s->json, "\"data_offsets\"", 1, range);
  assert_int_equal(load_json(s, json), FMP_EDATA);
  free(json);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(round_trip),
      cmocka_unit_test(saved_twice_is_the_same_file),
      cmocka_unit_test(a_note_is_saved),
      cmocka_unit_test(where_nothing_can_be_written),
      cmocka_unit_test(a_failed_save_leaves_the_old_file),
      cmocka_unit_test(missing_files),
      cmocka_unit_test(cut_short_anywhere),
      cmocka_unit_test(longer_than_it_says),
      cmocka_unit_test(absurd_header_lengths),
      cmocka_unit_test(every_byte_spoilt),
      cmocka_unit_test(json_that_is_no_model),
      cmocka_unit_test(deeply_nested_json),
      cmocka_unit_test(tensors_that_overlap_or_lie_outside),
      cmocka_unit_test(tensors_on_each_other),
  };
  if (load_plugins(NULL) != 0) return 1;
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
