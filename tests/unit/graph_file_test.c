/* SPDX-License-Identifier: Apache-2.0
 * Saved graphs in detail: what a file keeps, what it cannot keep, and full disks. */
#define _XOPEN_SOURCE 700 /* setrlimit, SIGXFSZ, strdup */
#include "support.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* -- tracing --------------------------------------------------------------- */

static fmp_graph *end_trace(fmp_tensor *const *outputs, int32_t n)
{
  fmp_graph *g = NULL;
  OK(fmp_trace_end(outputs, n, &g));
  return g;
}

static fmp_tensor *begin_trace(uint32_t flags, fmp_spec spec)
{
  fmp_tensor *x = NULL;
  OK(fmp_trace_begin(NULL, &spec, 1, flags, &x));
  return x;
}

static fmp_tensor *named(const char *name, int64_t n, const float *values)
{
  fmp_tensor *t = vector(n, values);
  OK(fmp_tensor_set_name(t, name));
  return t;
}

static const float w_values[] = {0.5F, -1, 2};

/* x + w, with x [rows, 3], and draws like it. */
static fmp_graph *small_graph(int64_t rows)
{
  fmp_tensor *w = named("w", 3, w_values), *x = begin_trace(0, matrix_spec(FMP_F32, rows, 3));
  OK(fmp_scope_push("net"));
  fmp_tensor *sum = call("add", 2, x, w), *noise = call("uniform", 1, sum);
  fmp_scope_pop();
  fmp_graph *g = end_trace((fmp_tensor *const[]){sum, noise}, 2);
  drop(4, w, x, sum, noise);
  return g;
}

static fmp_graph *reload(const fmp_graph *g)
{
  fmp_graph *loaded = NULL;
  const char *path = scratch_path("reload.safetensors");
  OK(fmp_graph_save(g, path));
  OK(fmp_graph_load(path, NULL, &loaded));
  return loaded;
}

/* Outputs of one run on x. */
static void run(fmp_graph *g, fmp_tensor *x, fmp_tensor **out, int32_t n)
{
  fmp_spec spec;
  fmp_plan *plan = NULL;
  fmp_instance *instance = NULL;
  fmp_tensor_spec(x, &spec);
  OK(fmp_plan_new(g, &spec, 1, 0, &plan));
  OK(fmp_instance_new(plan, 0, &instance));
  OK(fmp_instance_run(instance, &x, 1, out, n));
  fmp_instance_release(instance);
  fmp_plan_release(plan);
}

/* The loaded graph says and computes what the first one does. Takes over g. */
static void expect_kept(fmp_graph *g)
{
  fmp_graph *loaded = reload(g);
  char *text = strdup(fmp_graph_text(g));
  assert_string_equal(text, fmp_graph_text(loaded));
  OK(fmp_graph_compare(g, loaded));
  free(text);
  fmp_graph_release(g);
  fmp_graph_release(loaded);
}

/* -- what a file keeps ----------------------------------------------------- */

/* Every kind of attribute that an op of the tree has, with values that text could spoil. */
static void attributes(void **state)
{
  (void)state;
  const fmp_attr slope = fmp_attr_f64("slope", 1.0 / 3), axis = fmp_attr_i64("axis", -1);
  const fmp_attr type = fmp_attr_dtype("dtype", FMP_F64), turned = fmp_attr_bool("transpose_b", 1);
  const fmp_attr start = fmp_attr_i64s("start", (const int64_t[]){0, 1}, 2);
  const fmp_attr value = fmp_attr_f64("value", 1e-300), minus = fmp_attr_f64("value", -0.0);
  const uint32_t f64 = FMP_F64;
  const fmp_attr types = fmp_attr_list("dtype", FMP_ATTR_DTYPES, (fmp_list){&f64, 1});
  const fmp_attr none = fmp_attr_string("reduction", "none");
  fmp_tensor *x = begin_trace(0, matrix_spec(FMP_F32, 2, 3));
  fmp_tensor *y[] = {
      call_with("leaky_relu", &slope, 1, 1, x), call_with("concat", &axis, 1, 2, x, x),
      call_with("cast", &type, 1, 1, x),        call_with("matmul", &turned, 1, 2, x, x),
      call_with("slice", &start, 1, 1, x),      call_with("fill_like", &value, 1, 1, x),
      call_with("fill_like", &minus, 1, 1, x),  call_with("uniform", &types, 1, 1, x),
      call_with("mse", &none, 1, 2, x, x)};
  fmp_graph *g = end_trace(y, COUNT(y));
  for (size_t i = 0; i < COUNT(y); i++) fmp_tensor_release(y[i]);
  fmp_tensor_release(x);
  assert_non_null(strstr(fmp_graph_text(g), "slope = 0.33333333333333331"));
  assert_non_null(strstr(fmp_graph_text(g), "value = -0}"));
  expect_kept(g);
}

/* Absent inputs, outputs that nobody asked for, and none at all. */
static void optional_arguments(void **state)
{
  (void)state;
  const fmp_attr window = fmp_attr_i64s("window", (const int64_t[]){2, 2}, 2);
  const fmp_attr momentum = fmp_attr_f64("momentum", 0.5);
  fmp_tensor *w = vector(3, w_values), *m = vector(3, w_values), *lr = NULL;
  fmp_tensor *gradient = vector(3, w_values);
  OK(fmp_tensor_number(NULL, FMP_F32, 0.1, &lr));
  fmp_tensor *x = begin_trace(0, spec_of(FMP_F32, 4, (const int64_t[]){1, 4, 4, 3}));
  fmp_tensor *y = call_with("max_pool", &window, 1, 1, x);
  OK(fmp_emit(op("sgd"), NULL, 0, (fmp_tensor *const[]){w, NULL, gradient, lr}, 4, NULL, 0));
  OK(fmp_emit(op("sgd"), &momentum, 1, (fmp_tensor *const[]){w, m, gradient, lr}, 4, NULL, 0));
  fmp_graph *g = end_trace(&y, 1);
  drop(6, w, m, gradient, lr, x, y);
  expect_kept(g);
}

static void outputs_of_every_origin(void **state)
{
  (void)state;
  fmp_tensor *w = named("w", 3, w_values), *x = begin_trace(0, vector_spec(FMP_F32, 3));
  fmp_tensor *y = call("neg", 1, x);
  expect_kept(end_trace((fmp_tensor *const[]){w, x, y, y}, 4));
  drop(3, w, x, y);
  OK(fmp_trace_begin(NULL, NULL, 0, 0, NULL));
  expect_kept(end_trace(NULL, 0));
}

static void no_rewrites_stays(void **state)
{
  (void)state;
  size_t n;
  fmp_tensor *x = begin_trace(FMP_NO_REWRITES, vector_spec(FMP_F32, 3)), *y = call("neg", 1, x);
  fmp_graph *g = end_trace(&y, 1), *loaded = reload(g);
  OK(fmp_graph_save(loaded, scratch_path("again.safetensors")));
  unsigned char *bytes = read_file(scratch_path("again.safetensors"), &n);
  assert_non_null(strstr((char *)bytes + 8, "\\\"rewrites\\\":false"));
  free(bytes);
  fmp_graph_release(g);
  fmp_graph_release(loaded);
  drop(2, x, y);
}

/* Tensors of every type, and shapes at the edge: bytes come back as they were. */
static void tensors_of_every_type(void **state)
{
  (void)state;
  static const struct {
    uint32_t rank;
    int64_t shape[3];
  } shapes[] = {{0, {0}}, {1, {0}}, {3, {2, 0, 5}}, {1, {7}}, {3, {2, 1, 3}}};
  unsigned char bytes[64], got[64];
  for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (unsigned char)(i * 37 + 1);
  for (uint32_t dtype = 1; dtype < FMP_DTYPE_COUNT; dtype++)
    for (size_t i = 0; i < COUNT(shapes); i++) {
      const fmp_spec spec = spec_of(dtype, shapes[i].rank, shapes[i].shape);
      int64_t n = fmp_dtype_size(dtype);
      for (uint32_t d = 0; d < spec.rank; d++) n *= spec.shape[d];
      fmp_tensor *w = NULL, *y = NULL, *x = vector(3, w_values);
      OK(fmp_tensor_from(NULL, &spec, bytes, n, &w));
      fmp_tensor *in = begin_trace(0, vector_spec(FMP_F32, 3));
      fmp_graph *g = end_trace(&w, 1), *loaded = reload(g);
      run(loaded, x, &y, 1);
      OK(fmp_tensor_read(y, got, n));
      assert_memory_equal(got, bytes, (size_t)n);
      drop(4, w, y, x, in);
      fmp_graph_release(g);
      fmp_graph_release(loaded);
    }
}

/* A view is saved as what it shows. */
static void strided_capture(void **state)
{
  (void)state;
  const float values[] = {1, 2, 3, 4, 5, 6};
  fmp_tensor *w = matrix(2, 3, values), *turned = call("transpose", 1, w), *y = NULL;
  fmp_tensor *x = begin_trace(0, matrix_spec(FMP_F32, 3, 2)), *sum = call("add", 2, x, turned);
  fmp_graph *g = end_trace(&sum, 1), *loaded = reload(g);
  fmp_tensor *zeros = matrix(3, 2, (const float[6]){0});
  run(loaded, zeros, &y, 1);
  expect_values(y, 6, (const float[]){1, 4, 2, 5, 3, 6}, 0);
  drop(6, w, turned, y, x, sum, zeros);
  fmp_graph_release(g);
  fmp_graph_release(loaded);
}

static void another_batch_size(void **state)
{
  (void)state;
  fmp_graph *g = small_graph(2), *loaded = reload(g);
  assert_null(fmp_graph_batch_note(loaded));
  for (int64_t rows = 1; rows <= 4; rows++) {
    float want[12] = {0};
    fmp_tensor *x = matrix(rows, 3, want), *y[2] = {NULL};
    for (int64_t i = 0; i < 3 * rows; i++) want[i] = w_values[i % 3];
    run(loaded, x, y, 2);
    expect_values(y[0], 3 * rows, want, 0);
    drop(3, x, y[0], y[1]);
  }
  fmp_graph_release(g);
  fmp_graph_release(loaded);
}

/* The same seed draws the same numbers; also where a draw failed while tracing, which
 * used up an ordinal of its scope. */
static void draws(void **state)
{
  (void)state;
  const fmp_attr bad = fmp_attr_f64("low", 5);
  float one[4], other[4];
  fmp_tensor *out = NULL, *y[2] = {NULL}, *x = vector(4, (const float[4]){0});
  OK(fmp_scope_push("noise"));
  fmp_tensor *in = begin_trace(0, vector_spec(FMP_F32, 4));
  fmp_tensor *first = call("uniform", 1, in);
  FAILS(fmp_emit(op("uniform"), &bad, 1, &in, 1, &out, 1), FMP_EINVAL, "low <= high");
  fmp_tensor *second = call("normal", 1, in), *sum = call("add", 2, first, second);
  fmp_graph *g = end_trace(&sum, 1);
  fmp_scope_pop();
  fmp_graph *loaded = reload(g);
  OK(fmp_graph_compare(g, loaded));
  fmp_random_seed(7);
  run(g, x, &y[0], 1);
  fmp_random_seed(7);
  run(loaded, x, &y[1], 1);
  values_of(y[0], 4, one);
  values_of(y[1], 4, other);
  assert_memory_equal(one, other, sizeof one);
  assert_true(one[0] != one[1]);
  drop(7, in, first, second, sum, x, y[0], y[1]);
  fmp_graph_release(g);
  fmp_graph_release(loaded);
}

/* Names that are unique stay; others are numbered. Larger types come first, then names. */
static void names(void **state)
{
  (void)state;
  static const char *const given[] = {"z",         "twice", "twice", "__metadata__",
                                      "capture.0", NULL,    "a/b"};
  static const char *const stored[] = {"\"a/b\":{",       "\"capture.1\":{", "\"capture.2\":{",
                                       "\"capture.3\":{", "\"capture.4\":{", "\"capture.5\":{",
                                       "\"z\":{"};
  fmp_tensor *w[COUNT(given)];
  for (size_t i = 0; i < COUNT(given); i++) w[i] = named(given[i], 3, w_values);
  fmp_tensor *x = begin_trace(0, vector_spec(FMP_F32, 3));
  fmp_graph *g = end_trace(w, COUNT(given)), *loaded = reload(g);
  size_t n;
  unsigned char *bytes = read_file(scratch_path("reload.safetensors"), &n);
  const char *at = strstr((char *)bytes + 8, "fmp.version");
  for (size_t i = 0; i < COUNT(stored); i++) assert_non_null(at = strstr(at, stored[i]));
  free(bytes);
  assert_non_null(strstr(fmp_graph_text(loaded), "captured v2 f32 [3] z\n"));
  assert_non_null(strstr(fmp_graph_text(loaded), "captured v3 f32 [3]\n"));
  assert_non_null(strstr(fmp_graph_text(loaded), "captured v8 f32 [3] a/b\n"));
  for (size_t i = 0; i < COUNT(given); i++) fmp_tensor_release(w[i]);
  fmp_tensor_release(x);
  fmp_graph_release(g);
  fmp_graph_release(loaded);
}

/* The thread's scope and mode are what they were, and loading waits for its turn. */
static void the_thread_stays_as_it_was(void **state)
{
  (void)state;
  fmp_graph *g = small_graph(2), *loaded = NULL;
  const char *path = scratch_path("state.safetensors");
  OK(fmp_graph_save(g, path));
  OK(fmp_scope_push("outer"));
  OK(fmp_graph_load(path, NULL, &loaded));
  OK(fmp_graph_compare(g, loaded));
  assert_string_equal(fmp_scope_path(), "outer");
  fmp_scope_pop();
  assert_string_equal(fmp_scope_path(), "");
  fmp_graph_release(loaded);
  loaded = NULL;
  OK(fmp_record_begin());
  FAILS(fmp_graph_load(path, NULL, &loaded), FMP_ESTATE, "state.safetensors");
  assert_int_equal(fmp_mode(), 1);
  fmp_record_end(NULL, 0);
  fmp_tensor *x = begin_trace(0, vector_spec(FMP_F32, 3));
  FAILS(fmp_graph_load(path, NULL, &loaded), FMP_ESTATE, "recording or another trace");
  assert_int_equal(fmp_mode(), 2);
  fmp_trace_abort();
  assert_null(loaded);
  fmp_tensor_release(x);
  fmp_graph_release(g);
}

/* -- what cannot be saved -------------------------------------------------- */

static void refuses(fmp_graph *g, fmp_status status, const char *text)
{
  const char *path = scratch_path("refused.safetensors");
  FAILS(fmp_graph_save(g, path), status, text);
  assert_int_not_equal(access(path, F_OK), 0);
  fmp_graph_release(g);
}

static void resources_are_refused(void **state)
{
  (void)state;
  fmp_resource *counter = NULL;
  fmp_tensor *y = NULL;
  OK(fmp_resource_open("sdk_counter", NULL, 0, &counter));
  fmp_attr a = fmp_attr_of("counter", FMP_ATTR_RESOURCE);
  a.value.resource = counter;
  fmp_tensor *x = begin_trace(0, vector_spec(FMP_F32, 3));
  OK(fmp_scope_push("reader"));
  OK(fmp_emit(op("sdk_next"), &a, 1, NULL, 0, &y, 1));
  fmp_scope_pop();
  refuses(end_trace(&y, 1), FMP_EUNSUPPORTED, "node 1 (reader: sdk_next): it holds a resource");
  drop(2, x, y);
  fmp_resource_release(counter);
}

/* Two tensors over one memory that is written would be two memories after loading. */
static void written_shared_memory_is_refused(void **state)
{
  (void)state;
  fmp_tensor *w = vector(3, w_values), *all = call("slice", 1, w), *lr = NULL;
  OK(fmp_tensor_number(NULL, FMP_F32, 0.1, &lr));
  for (int written = 0; written < 2; written++) {
    fmp_tensor *x = begin_trace(0, vector_spec(FMP_F32, 3)), *sum = call("add", 2, w, all);
    fmp_tensor *const in[] = {w, NULL, x, lr};
    if (written) OK(fmp_emit(op("sgd"), NULL, 0, in, 4, NULL, 0));
    fmp_graph *g = end_trace(&sum, 1);
    if (written)
      refuses(g, FMP_EUNSUPPORTED, "share memory");
    else
      expect_kept(g);
    drop(2, x, sum);
  }
  drop(3, w, all, lr);
}

static void text_that_is_not_utf8_is_refused(void **state)
{
  (void)state;
  fmp_tensor *w = named("w\xFF", 3, w_values), *x = begin_trace(0, vector_spec(FMP_F32, 3));
  refuses(end_trace(&w, 1), FMP_EINVAL, "UTF-8");
  fmp_tensor_release(x);
  x = begin_trace(0, vector_spec(FMP_F32, 3));
  OK(fmp_scope_push("\xC3"));
  fmp_tensor *y = call("neg", 1, x);
  fmp_scope_pop();
  refuses(end_trace(&y, 1), FMP_EINVAL, "node 1");
  drop(3, w, x, y);
}

static void emptied_captures_are_refused(void **state)
{
  (void)state;
  fmp_tensor *w = named("w", 3, w_values), *x = begin_trace(0, vector_spec(FMP_F32, 3));
  fmp_graph *g = end_trace(&w, 1);
  fmp_tensor_empty(w);
  refuses(g, FMP_ESTATE, "tensor 'w'");
  drop(2, w, x);
}

/* Nodes with attributes and without, several of each. */
static fmp_graph *longer_graph(void)
{
  const fmp_attr slope = fmp_attr_f64("slope", 0.25), axes = fmp_attr_i64("axes", 2);
  fmp_tensor *w = named("w", 3, w_values), *x = begin_trace(0, matrix_spec(FMP_F32, 2, 3));
  fmp_tensor *sum = call("add", 2, x, w), *leaky = call_with("leaky_relu", &slope, 1, 1, sum);
  fmp_tensor *rows = call_with("sum", &axes, 1, 1, leaky), *noise = call("uniform", 1, rows);
  fmp_graph *g = end_trace((fmp_tensor *const[]){rows, noise}, 2);
  drop(6, w, x, sum, leaky, rows, noise);
  return g;
}

/* Each allocation of a save and a load fails once. */
static void without_memory(void **state)
{
  (void)state;
  fmp_graph *g = longer_graph();
  fmp_graph_release(reload(g)); /* finds out about the batch */
  const char *path = scratch_path("reload.safetensors");
  const int64_t before = fmp_live_bytes();
  int64_t made = 1;
  for (int64_t k = 0; k < made; k++) {
    fmp_graph *loaded = NULL;
    fmp_fail_allocation(k);
    fmp_status status = fmp_graph_save(g, path);
    if (status == FMP_OK) status = fmp_graph_load(path, NULL, &loaded);
    made = fmp_allocation_count();
    fmp_fail_allocation(-1);
    if (loaded)
      fmp_graph_release(loaded);
    else
      FAILS(status, FMP_ENOMEM, "reload.safetensors: ");
    assert_int_equal(fmp_live_bytes(), before);
    if (k == made - 1) made++; /* it failed at the last one so far */
  }
  assert_true(made > 50);
  fmp_graph_release(g);
}

/* -- disks ----------------------------------------------------------------- */

static int count_parts(void)
{
  char path[256];
  int n = 0;
  strcpy(path, scratch_path(""));
  DIR *directory = opendir(path);
  assert_non_null(directory);
  for (const struct dirent *e; (e = readdir(directory));) n += strstr(e->d_name, ".part") != NULL;
  closedir(directory);
  return n;
}

/* A file may not grow beyond `bytes`: what a full disk looks like to the writer. */
static fmp_status save_within(const fmp_graph *g, const char *path, rlim_t bytes)
{
  struct rlimit old, limit;
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
  limit = old;
  limit.rlim_cur = bytes;
  void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
  const fmp_status status = fmp_graph_save(g, path);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
  signal(SIGXFSZ, handler);
  return status;
}

static void a_full_disk_leaves_the_old_file(void **state)
{
  (void)state;
  size_t n, n_old;
  char path[256];
  fmp_graph *g = small_graph(2);
  strcpy(path, scratch_path("full.safetensors"));
  OK(fmp_graph_save(g, path));
  unsigned char *old = read_file(path, &n_old);
  for (rlim_t room = 0; room < n_old; room += 101) {
    FAILS(save_within(g, path, room), FMP_EIO, "full.safetensors: cannot write");
    unsigned char *now = read_file(path, &n);
    assert_int_equal(n, n_old);
    assert_memory_equal(now, old, n);
    free(now);
  }
  OK(save_within(g, path, n_old));
  assert_int_equal(count_parts(), 0);
  free(old);
  fmp_graph_release(g);
}

static void places_that_cannot_be_written(void **state)
{
  (void)state;
  fmp_graph *g = small_graph(2);
  write_file(scratch_path("plain"), "x", 1);
  FAILS(fmp_graph_save(g, scratch_path("plain/x")), FMP_EIO, "plain/x: cannot open its directory");
  FAILS(fmp_graph_save(g, scratch_path("none/x")), FMP_EIO, "No such file");
  mkdir(scratch_path("taken"), 0700);
  FAILS(fmp_graph_save(g, scratch_path("taken")), FMP_EIO,
        "taken: expected a regular file, got a directory");
  mkfifo(scratch_path("pipe"), 0600);
  fmp_graph *loaded = NULL;
  FAILS(fmp_graph_load(scratch_path("pipe"), NULL, &loaded), FMP_EIO, "expected a regular file");
  assert_int_equal(count_parts(), 0);
  fmp_graph_release(g);
}

static void directories_without_permission(void **state)
{
  (void)state;
  if (geteuid() == 0) {
    print_message("skipped: root may write anywhere\n");
    skip();
  }
  fmp_graph *g = small_graph(2);
  mkdir(scratch_path("locked"), 0500);
  FAILS(fmp_graph_save(g, scratch_path("locked/x")), FMP_EIO, "Permission denied");
  fmp_graph_release(g);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(attributes),
      cmocka_unit_test(optional_arguments),
      cmocka_unit_test(outputs_of_every_origin),
      cmocka_unit_test(no_rewrites_stays),
      cmocka_unit_test(tensors_of_every_type),
      cmocka_unit_test(strided_capture),
      cmocka_unit_test(another_batch_size),
      cmocka_unit_test(draws),
      cmocka_unit_test(names),
      cmocka_unit_test(the_thread_stays_as_it_was),
      cmocka_unit_test(resources_are_refused),
      cmocka_unit_test(written_shared_memory_is_refused),
      cmocka_unit_test(text_that_is_not_utf8_is_refused),
      cmocka_unit_test(emptied_captures_are_refused),
      cmocka_unit_test(without_memory),
      cmocka_unit_test(a_full_disk_leaves_the_old_file),
      cmocka_unit_test(places_that_cannot_be_written),
      cmocka_unit_test(directories_without_permission),
  };
  return cmocka_run_group_tests(tests, load_sdk_plugin, NULL);
}
