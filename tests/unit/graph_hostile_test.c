/* SPDX-License-Identifier: Apache-2.0
 * Files that fmp did not save: a sound graph with one thing changed, from its wiring to the
 * container around it. saved_test.c has more on the container alone. */
#define _POSIX_C_SOURCE 200809L /* dup */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* -- a good file ----------------------------------------------------------- */

static const float w_values[] = {0.5F, -1, 2};

/* leaky_relu(x + w) in scope "net", with x [2, 3] and draws like it: values 1 to 5. */
static fmp_graph *small_graph(void)
{
  const fmp_attr slope = fmp_attr_f64("slope", 0.25);
  const fmp_spec spec = matrix_spec(FMP_F32, 2, 3);
  fmp_tensor *w = vector(3, w_values), *x = NULL;
  fmp_graph *g = NULL;
  OK(fmp_tensor_set_name(w, "w"));
  OK(fmp_trace_begin(NULL, &spec, 1, 0, &x));
  OK(fmp_scope_push("net"));
  fmp_tensor *sum = call("add", 2, x, w), *y = call_with("leaky_relu", &slope, 1, 1, sum);
  fmp_tensor *noise = call("uniform", 1, y);
  fmp_scope_pop();
  OK(fmp_trace_end((fmp_tensor *const[]){y, noise}, 2, &g));
  drop(5, w, x, sum, y, noise);
  return g;
}

/* The small graph's file. */
static unsigned char *small_file(size_t *n)
{
  fmp_graph *g = small_graph();
  const char *path = scratch_path("small.safetensors");
  OK(fmp_graph_save(g, path));
  fmp_graph_release(g);
  return read_file(path, n);
}

/* The number that the next open file gets: larger where one was left open. */
static int next_file(void)
{
  const int file = dup(STDERR_FILENO);
  close(file);
  return file;
}

/* Loads a file of these bytes. Whatever comes of it, the thread and the memory are as they
 * were, and a failure has a text of one line with the path in front. */
static fmp_status load_bytes(const void *bytes, size_t n)
{
  fmp_graph *g = NULL;
  const char *path = scratch_path("hostile.safetensors");
  write_file(path, bytes, n);
  const int64_t before = fmp_live_bytes();
  const int file = next_file();
  const fmp_status status = fmp_graph_load(path, NULL, &g);
  if (status == FMP_OK) fmp_graph_release(g);
  assert_int_equal(fmp_live_bytes(), before);
  assert_int_equal(next_file(), file);
  assert_int_equal(fmp_mode(), 0);
  assert_string_equal(fmp_scope_path(), "");
  if (status != FMP_OK) {
    assert_non_null(strstr(fmp_last_error(), "hostile.safetensors: "));
    assert_null(strpbrk(fmp_last_error(), "\n\r"));
  }
  return status;
}

/* `text` as it stands inside of a JSON string. */
static void escape(const char *text, char *out)
{
  for (; *text; text++) {
    if (*text == '"' || *text == '\\') *out++ = '\\';
    *out++ = *text;
  }
  *out = '\0';
}

/* The file with one place of its header changed; `in_graph`: of the graph inside of it. */
static fmp_status load_changed(const char *from, const char *to, int in_graph)
{
  enum { ROOM = 1 << 16 };
  static char escaped_from[ROOM], escaped_to[ROOM], made[4 * ROOM];
  size_t n, header = 0;
  unsigned char *bytes = small_file(&n);
  for (int i = 7; i >= 0; i--) header = header << 8 | bytes[i];
  char *json = calloc(1, header + 1);
  memcpy(json, bytes + 8, header);
  if (in_graph) escape(from, escaped_from);
  if (in_graph) escape(to, escaped_to);
  from = in_graph ? escaped_from : from;
  const char *at = strstr(json, from);
  if (!at) fail_msg("the header has no %s", from);
  const int length = snprintf(made + 8, sizeof made - 8, "%.*s%s%s", (int)(at - json), json,
                              in_graph ? escaped_to : to, at + strlen(from));
  for (int i = 0; i < 8; i++) made[i] = (char)(unsigned char)((uint64_t)length >> (8 * i));
  memcpy(made + 8 + length, bytes + 8 + header, n - 8 - header);
  const fmp_status status = load_bytes(made, 8 + (size_t)length + n - 8 - header);
  free(json);
  free(bytes);
  return status;
}

/* -- changed graphs -------------------------------------------------------- */

struct change {
  const char *from, *to;
  fmp_status status;
  const char *text;
};

static void expect_refused(const struct change *c, int in_graph)
{
  const fmp_status status = load_changed(c->from, c->to, in_graph);
  if (status == c->status && strstr(fmp_last_error(), c->text)) return;
  fail_msg("%s -> %s: expected %s '%s', got %s: %s", c->from, c->to, fmp_status_name(c->status),
           c->text, fmp_status_name(status), fmp_last_error());
}

static const struct change graph_changes[] = {
    {"\"format\":1", "\"format\":2", FMP_EUNSUPPORTED, "the graph has format 2"},
    {"\"format\":1", "\"format\":\"1\"", FMP_EDATA, "an integer as 'format'"},
    {"\"inputs\":[", "\"input\":[", FMP_EDATA, "'inputs', which is missing"},
    {"\"nodes\":[", "\"nodes\":{},\"x\":[", FMP_EDATA, "an array as 'nodes'"},
    {"\"format\":1", "\"format\":1,\"nodes\":[]", FMP_EDATA, "duplicate"},
    {"\"batch\":\"open\"", "\"batch\":\"wide\"", FMP_EDATA, "'open' or 'fixed'"},
    {"\"batch\":\"open\"", "\"batch\":\"fixed\"", FMP_EDATA, "'batch_note', which is missing"},
    /* inputs */
    {"{\"dtype\":\"f32\",\"shape\":[2,3]}", "{\"dtype\":\"f33\",\"shape\":[2,3]}", FMP_EDTYPE,
     "f33"},
    {"{\"dtype\":\"f32\",\"shape\":[2,3]}", "{\"shape\":[2,3]}", FMP_EDATA,
     "input 1: expected a text"},
    {"{\"dtype\":\"f32\",\"shape\":[2,3]}", "7", FMP_EDATA, "input 1"},
    {"[2,3]", "[-2,3]", FMP_EDATA, "dimension 1"},
    {"[2,3]", "[2.5,3]", FMP_EDATA, "dimension 1: expected an integer"},
    {"[2,3]", "[1,1,1,1,1,1,1,2,3]", FMP_EDATA, "a rank of at most 8, got 9"},
    {"[2,3]", "[4611686018427387904,4611686018427387904]", FMP_EDATA, "not a possible shape"},
    {"[2,3]", "[99999999999999999999,3]", FMP_EDATA, "too big integer"},
    {"[2,3]", "[2,4]", FMP_ESHAPE, "node 1: net: add: "},
    /* captures */
    {"\"tensor\":\"w\"", "\"tensor\":\"v\"", FMP_EDATA, "the file has no tensor 'v'"},
    {"\"tensor\":\"w\"", "\"tensor\":\"w\\u0000\"", FMP_EDATA, "not allowed"},
    {"{\"value\":2,\"tensor\":\"w\"}",
     "{\"value\":2,\"tensor\":\"w\"},{\"value\":5,\"tensor\":\"w\"}", FMP_EDATA, "captured twice"},
    {"\"value\":2", "\"value\":1", FMP_EDATA, "number 1, which exists already"},
    {"\"value\":2", "\"value\":0", FMP_EDATA, "capture 1: expected a new value, got number 0"},
    {"\"value\":2", "\"value\":-2", FMP_EDATA, "capture 1"},
    {"\"value\":2", "\"value\":2000000000000", FMP_EDATA, "capture 1"},
    {"\"value\":2", "\"value\":4", FMP_EDATA, "node 1: add: input 2: value 2 has not been made"},
    /* ops and attributes */
    {"\"op\":\"leaky_relu\"", "\"op\":\"leaky_rulu\"", FMP_ENOTFOUND, "did you mean 'leaky_relu'?"},
    {"\"op\":\"leaky_relu\"", "\"op\":\"a\\nb\"", FMP_ENOTFOUND, "a?b"},
    {"\"op\":\"leaky_relu\"", "\"op\":5", FMP_EDATA, "node 2: expected a text as 'op'"},
    {"\"op\":\"leaky_relu\",\"version\":1", "\"op\":\"leaky_relu\",\"version\":2", FMP_EUNSUPPORTED,
     "node 2: saved with version 2 of op leaky_relu, this is version 1"},
    {"\"version\":1", "\"version\":4294967297", FMP_EUNSUPPORTED, "this is version 1"},
    {"\"slope\"", "\"slop\"", FMP_ENOTFOUND, "node 2: leaky_relu: no attribute 'slop'"},
    {"\"slope\":\"0.25\"", "\"slope\":0.25", FMP_EDATA, "attribute 'slope': expected a text"},
    {"\"slope\":\"0.25\"", "\"slope\":\"-1\"", FMP_EINVAL, "[0,inf), got -1"},
    {"\"slope\":\"0.25\"", "\"slope\":\"much\"", FMP_EINVAL, "expected a number, got 'much'"},
    {"\"slope\":\"0.25\"", "\"slope\":\"1\",\"slope\":\"2\"", FMP_EDATA, "duplicate"},
    {"\"attrs\":{}", "\"attrs\":[]", FMP_EDATA, "node 1: add: expected an object as 'attrs'"},
    {"\"attrs\":{}", "\"attr\":{}", FMP_EDATA, "node 1: add: expected an object as 'attrs'"},
    {"\"shape\":\"[]\"", "\"shape\":\"[2\"", FMP_EINVAL, "ends with ']'"},
    {"\"low\":\"0\"", "\"low\":\"2\"", FMP_EINVAL, "node 3: net: uniform: "},
    {"\"random_key\":\"", "\"random_key\":\"g", FMP_EDATA, "16 hexadecimal digits"},
    {"\"random_key\"", "\"random\"", FMP_EDATA, "'random_key', which is missing"},
    {"\"scope\":\"net\"", "\"scope\":null", FMP_EDATA, "node 1: expected a text as 'scope'"},
    /* wiring: values of later nodes, of the node itself, of nobody */
    {"\"in\":[1,2]", "\"in\":[1,4]", FMP_EDATA, "node 1: add: input 2: value 4 has not been made"},
    {"\"in\":[1,2]", "\"in\":[3,2]", FMP_EDATA, "node 1: add: input 1: value 3 has not been made"},
    {"\"in\":[1,2]", "\"in\":[1,6]", FMP_EDATA, "an integer from 0 to 5, got 6"},
    {"\"in\":[1,2]", "\"in\":[1,-1]", FMP_EDATA, "got -1"},
    {"\"in\":[1,2]", "\"in\":[1,\"2\"]", FMP_EDATA, "input 2: expected an integer"},
    {"\"in\":[1,2]", "\"in\":[1,0]", FMP_EINVAL, "node 1: net: add: input b is missing"},
    {"\"in\":[1,2]", "\"in\":[1]", FMP_EINVAL, "node 1: net: add: expected 2 inputs"},
    {"\"in\":[1,2]", "\"in\":[1,2,2]", FMP_EINVAL, "node 1: net: add: expected 2 inputs"},
    {"\"in\":[1,2]", "\"in\":{}", FMP_EDATA, "an array as 'in'"},
    {"\"out\":[3]", "\"out\":[1]", FMP_EDATA, "number 1, which exists already"},
    {"\"out\":[3]", "\"out\":[0]", FMP_EDATA, "node 1: add: output 1: expected a new value"},
    {"\"out\":[3]", "\"out\":[4]", FMP_EDATA, "value 3 has not been made yet"},
    {"\"out\":[3]", "\"out\":[3,5]", FMP_EINVAL, "at most 1 outputs"},
    {"\"out\":[3]", "\"out\":[]", FMP_EDATA, "node 2: leaky_relu: input 1"},
    {"\"out\":[3]", "\"out\":3", FMP_EDATA, "node 1: expected an array as 'out'"},
    {"\"outputs\":[4,5]", "\"outputs\":[4,0]", FMP_EDATA, "output 2: value 0 has not been made"},
    {"\"outputs\":[4,5]", "\"outputs\":[4,9]", FMP_EDATA,
     "output 2: expected an integer from 0 to 5"},
    {"\"outputs\":[4,5]", "\"outputs\":[true]", FMP_EDATA, "output 1: expected an integer"},
};

static void graphs_that_no_trace_made(void **state)
{
  (void)state;
  for (size_t i = 0; i < COUNT(graph_changes); i++) expect_refused(&graph_changes[i], 1);
}

/* Changes that leave a sound graph. */
static void graphs_that_are_as_good(void **state)
{
  (void)state;
  OK(load_changed("\"format\":1", "\"format\":1", 1));
  OK(load_changed("\"in\":[1,2]", "\"in\":[2,1]", 1));
  OK(load_changed("\"slope\":\"0.25\"", "", 1)); /* the default */
  OK(load_changed("\"batch\":\"open\"", "\"batch\":\"fixed\",\"batch_note\":\"so\"", 1));
  OK(load_changed("\"random_key\":\"", "\"random_key\":\"0123456789abcdef\",\"x\":\"", 1));
  OK(load_changed("\"outputs\":[4,5]", "\"outputs\":[]", 1));
}

/* -- changed containers ---------------------------------------------------- */

static const struct change container_changes[] = {
    {"\"fmp.graph\"", "\"fmp.grape\"", FMP_EDATA, "its metadata has no 'fmp.graph'"},
    {"\"fmp.version\":\"", "\"fmp.version\":7,\"x\":\"", FMP_EDATA,
     "'fmp.version': expected a text"},
    {"\"__metadata__\":{", "\"__metadata__\":[],\"x\":{", FMP_EDATA, "'__metadata__'"},
    {"\"w\":{", "\"w\":{\"dtype\":\"F32\",", FMP_EDATA, "duplicate"},
    {"\"w\":{", "\"v\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,12]},\"w\":{",
     FMP_EDATA, "expected it at offset 12, got 0"},
    {"\"w\":{", "\"\\u0000\":{", FMP_EDATA, "NUL"},
    {"\"F32\"", "\"F8\"", FMP_EDATA, "tensor 'w': expected F32"},
    {"\"F32\"", "\"F64\"", FMP_EDATA, "expected 24 bytes for f64 [3], got offsets 0 to 12"},
    {"\"shape\":[3]", "\"shape\":[3,0]", FMP_EDATA, "expected 0 bytes"},
    {"[0,12]", "[4,16]", FMP_EDATA, "from 0 to 12, got 16"},
    {"[0,12]", "[12,0]", FMP_EDATA, "got offsets 12 to 0"},
    {"[0,12]}", "[0,8]},\"v\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[8,12]}", FMP_EDATA,
     "tensor 'w'"},
    {"[3],\"data_offsets\":[0,12]}", "[2],\"data_offsets\":[0,8]}", FMP_EDATA,
     "expected 8 bytes of tensors, got 12"},
    {"[3],\"data_offsets\":[0,12]}", "[2],\"data_offsets\":[4,12]}", FMP_EDATA,
     "at offset 0, got 4"},
    {"{\"__metadata__\"", " {\"__metadata__\"", FMP_EDATA, "begins with '{'"},
};

static void containers_that_are_not(void **state)
{
  (void)state;
  for (size_t i = 0; i < COUNT(container_changes); i++) expect_refused(&container_changes[i], 0);
}

static void deep_nesting(void **state)
{
  (void)state;
  static char deep[20000];
  for (size_t depth = 17; depth < sizeof deep; depth += 1999) {
    memset(deep, '[', depth);
    deep[depth] = '\0';
    FAILS(load_changed("\"format\":1", deep, 1), FMP_EDATA, "nested more than 16 deep");
    FAILS(load_changed("\"w\":{", deep, 0), FMP_EDATA, "nested more than 16 deep");
  }
}

/* -- changed bytes --------------------------------------------------------- */

static void cut_short(void **state)
{
  (void)state;
  size_t n;
  unsigned char *bytes = small_file(&n);
  for (size_t k = 0; k < n; k++) assert_int_equal(load_bytes(bytes, k), FMP_EDATA);
  OK(load_bytes(bytes, n));
  free(bytes);
}

/* Each bit of the file turned, in the header and in the tensors. Some files are still good:
 * nothing must break, leak, or fail without a text. */
static void every_bit_turned(void **state)
{
  (void)state;
  size_t n, good = 0, bad = 0;
  unsigned char *bytes = small_file(&n);
  for (size_t i = 0; i < n; i++)
    for (int bit = 0; bit < 8; bit++) {
      bytes[i] ^= (unsigned char)(1 << bit);
      if (load_bytes(bytes, n) == FMP_OK)
        good++;
      else
        bad++;
      bytes[i] ^= (unsigned char)(1 << bit);
    }
  assert_true(good >= 8 * 12); /* the tensor's own bits can be anything */
  assert_true(bad > 4 * n);
  free(bytes);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(graphs_that_no_trace_made),
      cmocka_unit_test(graphs_that_are_as_good),
      cmocka_unit_test(containers_that_are_not),
      cmocka_unit_test(deep_nesting),
      cmocka_unit_test(cut_short),
      cmocka_unit_test(every_bit_turned),
  };
  return cmocka_run_group_tests(tests, load_plugins, NULL);
}
