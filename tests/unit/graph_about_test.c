/* SPDX-License-Identifier: Apache-2.0
 * What graphs say about themselves: as text, of their batch size, and compared. */
#include "support.h"

#include <string.h>

static const float w_values[] = {0.5F, -1, 2};

static void begin(const fmp_spec *specs, int32_t n, fmp_tensor **x)
{
  OK(fmp_trace_begin(NULL, specs, n, 0, x));
}

/* Ends the trace; takes over y and x[0..n). */
static fmp_graph *end(fmp_tensor *y, fmp_tensor **x, int n)
{
  fmp_graph *g = NULL;
  OK(fmp_trace_end(&y, 1, &g));
  fmp_tensor_release(y);
  for (int i = 0; i < n; i++) fmp_tensor_release(x[i]);
  return g;
}

/* -- text ------------------------------------------------------------------ */

static void text(void **state)
{
  (void)state;
  const fmp_spec spec = matrix_spec(FMP_F32, 2, 3);
  const fmp_attr slope = fmp_attr_f64("slope", 0.25), turned = fmp_attr_bool("transpose_b", 1);
  fmp_tensor *w = vector(3, w_values), *c = vector(3, w_values), *lr = NULL, *x = NULL;
  OK(fmp_tensor_set_name(w, "bias"));
  OK(fmp_tensor_number(NULL, FMP_F32, 0.1, &lr));
  begin(&spec, 1, &x);
  OK(fmp_scope_push("net"));
  fmp_tensor *sum = call("add", 2, x, w), *y = call_with("leaky_relu", &slope, 1, 1, sum);
  fmp_scope_pop();
  fmp_tensor *z = call_with("matmul", &turned, 1, 2, y, x);
  OK(fmp_emit(op("sgd"), NULL, 0, (fmp_tensor *const[]){w, NULL, c, lr}, 4, NULL, 0));
  fmp_graph *g = end(z, &x, 1);
  drop(5, w, c, lr, sum, y);
  assert_string_equal(fmp_graph_text(g), "input v1 f32 [2,3]\n"
                                         "captured v2 f32 [3] bias\n"
                                         "captured v6 f32 [3]\n"
                                         "captured v7 f32 []\n"
                                         "net: v3 f32 [2,3] = add(v1, v2)\n"
                                         "net: v4 f32 [2,3] = leaky_relu(v3) {slope = 0.25}\n"
                                         "v5 f32 [2,2] = matmul(v4, v1) {transpose_b = true}\n"
                                         "sgd(v2, -, v6, v7)\n"
                                         "output v5\n");
  fmp_graph_release(g);
}

static void inputs_and_outputs(void **state)
{
  (void)state;
  const fmp_spec specs[] = {vector_spec(FMP_F32, 3), vector_spec(FMP_F32, 1)};
  fmp_spec spec;
  fmp_tensor *x[2];
  begin(specs, 2, x);
  fmp_graph *g = end(call("add", 2, x[0], x[1]), x, 2);
  assert_int_equal(fmp_graph_inputs(g), 2);
  assert_int_equal(fmp_graph_outputs(g), 1);
  OK(fmp_graph_input_spec(g, 1, &spec));
  assert_int_equal(spec.shape[0], 1);
  OK(fmp_graph_output_spec(g, 0, &spec));
  assert_int_equal(spec.shape[0], 3);
  FAILS(fmp_graph_input_spec(g, 2, &spec), FMP_EINVAL, "one of 2 inputs");
  FAILS(fmp_graph_input_spec(g, -1, &spec), FMP_EINVAL, "got number -1");
  FAILS(fmp_graph_output_spec(g, 1, &spec), FMP_EINVAL, "one of 1 outputs");
  fmp_graph_release(g);
}

/* -- batch size ------------------------------------------------------------ */

/* The note of a graph; takes it over. "" if the batch is open. Thread's. */
static const char *note_of(fmp_graph *g)
{
  static char note[512];
  const char *got = fmp_graph_batch_note(g);
  strcpy(note, got ? got : "");
  assert_true(got == fmp_graph_batch_note(g)); /* found out once */
  fmp_graph_release(g);
  return note;
}

static fmp_graph *reshaped(int64_t rows, int64_t first, int64_t second)
{
  const fmp_spec spec = matrix_spec(FMP_F32, rows, 6);
  const fmp_attr shape = fmp_attr_i64s("shape", (const int64_t[]){first, second}, 2);
  fmp_tensor *x = NULL;
  begin(&spec, 1, &x);
  OK(fmp_scope_push("flat"));
  fmp_tensor *y = call_with("reshape", &shape, 1, 1, x);
  fmp_scope_pop();
  return end(y, &x, 1);
}

static void open_batches(void **state)
{
  (void)state;
  for (int64_t rows = 0; rows < 5; rows++) {
    assert_string_equal(note_of(reshaped(rows, 0, 6)), "");
    assert_string_equal(note_of(reshaped(rows, -1, 6)), "");
  }
}

static void a_shape_that_is_baked_in(void **state)
{
  (void)state;
  const char *note = note_of(reshaped(4, 4, 6));
  assert_ptr_equal(strstr(note, "flat: reshape: "), note);
  assert_null(strchr(note, '\n'));
}

static void an_output_that_stays(void **state)
{
  (void)state;
  assert_string_equal(note_of(reshaped(6, 6, -1)),
                      "output 1 is f32 [6,6], and f32 [6,7] if the batch has 7 instead of 6");
  const fmp_spec spec = vector_spec(FMP_F32, 3);
  fmp_tensor *w = vector(3, w_values), *x = NULL;
  begin(&spec, 1, &x);
  assert_string_equal(note_of(end(call("neg", 1, w), &x, 1)),
                      "output 1 is f32 [3], and f32 [3] if the batch has 4 instead of 3");
  fmp_tensor_release(w);
}

/* All inputs of the batch's size grow together; others, and numbers before it, stay. */
static void several_inputs(void **state)
{
  (void)state;
  const fmp_spec specs[] = {spec_of(FMP_F32, 0, NULL), matrix_spec(FMP_F32, 4, 3),
                            matrix_spec(FMP_F32, 4, 1), vector_spec(FMP_F32, 3)};
  fmp_tensor *x[4];
  begin(specs, 4, x);
  fmp_tensor *a = call("add", 2, x[1], x[2]), *b = call("mul", 2, a, x[3]);
  fmp_tensor *y = call("mul", 2, x[0], b);
  drop(2, a, b);
  assert_string_equal(note_of(end(y, x, 4)), "");
}

static void graphs_without_a_batch(void **state)
{
  (void)state;
  const fmp_spec number = {.dtype = FMP_F32};
  fmp_tensor *x = NULL, *w = vector(3, w_values);
  begin(&number, 1, &x);
  assert_string_equal(note_of(end(call("neg", 1, x), &x, 1)), "");
  begin(NULL, 0, NULL);
  assert_string_equal(note_of(end(call("neg", 1, w), NULL, 0)), "");
  fmp_tensor_release(w);
}

static void notes_that_are_set_stand(void **state)
{
  (void)state;
  fmp_graph *g = reshaped(4, 0, 6);
  OK(fmp_graph_set_batch_note(g, "it loops over rows"));
  assert_string_equal(fmp_graph_batch_note(g), "it loops over rows");
  OK(fmp_graph_set_batch_note(g, "and so on"));
  assert_string_equal(fmp_graph_batch_note(g), "and so on");
  FAILS(fmp_graph_set_batch_note(g, NULL), FMP_EINVAL, "expected why");
  FAILS(fmp_graph_set_batch_note(g, ""), FMP_EINVAL, "expected why");
  assert_string_equal(note_of(g), "and so on");
}

static void asking_leaves_the_last_error(void **state)
{
  (void)state;
  const fmp_op *found = NULL;
  fmp_graph *g = reshaped(4, 4, 6);
  FAILS(fmp_op_find("nobody_has_this", &found), FMP_ENOTFOUND, "nobody_has_this");
  assert_non_null(fmp_graph_batch_note(g));
  assert_non_null(strstr(fmp_last_error(), "nobody_has_this"));
  fmp_graph_release(g);
}

/* A failed allocation says nothing about the graph. */
static void asked_again_after_lack_of_memory(void **state)
{
  (void)state;
  fmp_graph *g = reshaped(4, 0, 6);
  for (int64_t k = 0; k < 2; k++) {
    fmp_fail_allocation(k);
    const char *note = fmp_graph_batch_note(g);
    fmp_fail_allocation(-1);
    assert_non_null(strstr(note, "out of memory"));
  }
  assert_string_equal(note_of(g), "");
}

/* -- comparison ------------------------------------------------------------ */

struct variant {
  const char *op, *scope;
  int64_t rows, step; /* of the input; of slice, in the second dimension */
  float w;            /* first value of the captured tensor */
  int swapped, again; /* inputs of the op; an op more at the end */
};

/* op(slice(x), w), in a scope. */
static fmp_graph *variant_graph(const struct variant *v)
{
  const fmp_spec spec = matrix_spec(FMP_F32, v->rows, 3);
  const fmp_attr step = fmp_attr_i64s("step", (const int64_t[]){1, v->step}, 2);
  fmp_tensor *w = matrix(1, 1, (const float[]){v->w}), *x = NULL;
  begin(&spec, 1, &x);
  OK(fmp_scope_push(v->scope));
  fmp_tensor *part = call_with("slice", &step, 1, 1, x), *noise = call("uniform", 1, part);
  fmp_tensor *y = v->swapped ? call(v->op, 2, w, part) : call(v->op, 2, part, w);
  fmp_tensor *more = v->again ? call("neg", 1, y) : NULL;
  fmp_scope_pop();
  drop(4, w, part, noise, more);
  return end(y, &x, 1);
}

static void expect_differ(const struct variant *a, const struct variant *b, const char *message)
{
  fmp_graph *one = variant_graph(a), *other = variant_graph(b);
  FAILS(fmp_graph_compare(one, other), FMP_EINVAL, message);
  fmp_graph_release(one);
  fmp_graph_release(other);
}

static void graphs_that_agree(void **state)
{
  (void)state;
  const struct variant a = {.op = "sub", .scope = "net", .rows = 2, .step = 2, .w = 5};
  struct variant b = a;
  b.rows = 7; /* and a captured constant of its own */
  fmp_graph *one = variant_graph(&a), *other = variant_graph(&b);
  OK(fmp_graph_compare(one, other));
  OK(fmp_graph_compare(one, one));
  fmp_graph_release(one);
  fmp_graph_release(other);
}

/* The moment at which a tensor was captured does not matter for what is computed: a gradient
 * captures tensors before its first node exists, a loaded graph where a node first reads them. */
static void a_graph_and_its_copy_agree(void **state)
{
  (void)state;
  const fmp_spec spec = matrix_spec(FMP_F32, 2, 3);
  fmp_tensor *w = matrix(1, 1, (const float[]){5}), *x = NULL, *d[2] = {NULL};
  fmp_graph *loaded = NULL;
  begin(&spec, 1, &x);
  fmp_tensor *y = call("square", 1, x), *loss = call("sum", 1, y);
  fmp_tensor *const by[] = {w, x}; /* by w: zeros, since nothing depends on it */
  OK(fmp_gradients(loss, by, 2, d));
  drop(4, y, loss, w, d[1]);
  fmp_graph *g = end(d[0], &x, 1);
  OK(fmp_graph_save(g, scratch_path("agree.safetensors")));
  OK(fmp_graph_load(scratch_path("agree.safetensors"), NULL, &loaded));
  OK(fmp_graph_compare(g, loaded));
  OK(fmp_graph_compare(loaded, g));
  fmp_graph_release(g);
  fmp_graph_release(loaded);
}

static void graphs_that_differ(void **state)
{
  (void)state;
  const struct variant a = {.op = "sub", .scope = "net", .rows = 2, .step = 2, .w = 5};
  struct variant b = a;
  b.op = "mul";
  expect_differ(&a, &b, "node 3 (net: sub): the op is sub in one and mul in the other");
  b = a;
  b.step = 3;
  expect_differ(&a, &b,
                "node 1 (net: slice): attribute step is [1,2] in one and [1,3] in the other");
  b = a;
  b.w = 6;
  expect_differ(&a, &b, "captured tensor v4: f32 [1,1] holds other values");
  b = a;
  b.swapped = 1;
  expect_differ(&a, &b, "node 3 (net: sub): input 1 is value v2 in one and v4 in the other");
  b = a;
  b.again = 1;
  expect_differ(&a, &b, "3 nodes in one and 4 in the other");
  b = a;
  b.scope = "other";
  expect_differ(&a, &b, "node 2 (net: uniform): it draws other numbers");
}

static void inputs_and_outputs_that_differ(void **state)
{
  (void)state;
  const fmp_spec specs[] = {vector_spec(FMP_F32, 3), vector_spec(FMP_F32, 3)};
  const fmp_spec f64 = vector_spec(FMP_F64, 3), rank_2 = matrix_spec(FMP_F32, 1, 3);
  fmp_graph *g[5];
  fmp_tensor *x[2];
  begin(specs, 1, x);
  g[0] = end(call("neg", 1, x[0]), x, 1);
  begin(&f64, 1, x);
  g[1] = end(call("neg", 1, x[0]), x, 1);
  begin(&rank_2, 1, x);
  g[2] = end(call("neg", 1, x[0]), x, 1);
  begin(specs, 2, x);
  g[3] = end(call("neg", 1, x[0]), x, 2);
  begin(specs, 1, x);
  fmp_tensor *y = call("neg", 1, x[0]);
  g[4] = end(fmp_tensor_retain(x[0]), x, 1);
  fmp_tensor_release(y);
  FAILS(fmp_graph_compare(g[0], g[1]), FMP_EINVAL, "input 1 is f32 [3] in one and f64 [3]");
  FAILS(fmp_graph_compare(g[0], g[2]), FMP_EINVAL, "input 1 is f32 [3] in one and f32 [1,3]");
  FAILS(fmp_graph_compare(g[0], g[3]), FMP_EINVAL, "1 inputs in one and 2 in the other");
  FAILS(fmp_graph_compare(g[0], g[4]), FMP_EINVAL, "output 1 is value v2 in one and v1");
  for (int i = 0; i < 5; i++) fmp_graph_release(g[i]);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(text),
      cmocka_unit_test(inputs_and_outputs),
      cmocka_unit_test(open_batches),
      cmocka_unit_test(a_shape_that_is_baked_in),
      cmocka_unit_test(an_output_that_stays),
      cmocka_unit_test(several_inputs),
      cmocka_unit_test(graphs_without_a_batch),
      cmocka_unit_test(notes_that_are_set_stand),
      cmocka_unit_test(asking_leaves_the_last_error),
      cmocka_unit_test(asked_again_after_lack_of_memory),
      cmocka_unit_test(graphs_that_agree),
      cmocka_unit_test(a_graph_and_its_copy_agree),
      cmocka_unit_test(graphs_that_differ),
      cmocka_unit_test(inputs_and_outputs_that_differ),
  };
  return cmocka_run_group_tests(tests, load_plugins, NULL);
}
