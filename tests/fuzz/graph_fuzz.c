/* SPDX-License-Identifier: Apache-2.0
 * Saved graphs: what loads can be printed, saved and loaded again as the same; whatever comes of
 * it, the thread and the memory are as they were, and a failure has a text of one line. */
#define _DEFAULT_SOURCE /* mkdtemp */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fmp/api.h"
#include "fmp/kit/attr.h"
#include "fuzz.h"

static char directory[] = "/tmp/fmp-fuzz-XXXXXX", saved[64];

static void remove_directory(void)
{
  unlink(saved);
  rmdir(directory);
}

static void require(fmp_status status)
{
  if (status != FMP_OK) fuzz_fail(fmp_last_error());
}

/* -- seeds ----------------------------------------------------------------- */

static fmp_tensor *emit(const char *name, const fmp_attr *attrs, int32_t n_attr,
                        fmp_tensor *const *in, int32_t n)
{
  const fmp_op *op = NULL;
  fmp_tensor *out = NULL;
  require(fmp_op_find(name, &op));
  require(fmp_emit(op, attrs, n_attr, in, n, &out, 1));
  return out;
}

static fmp_tensor *weights(const char *name, uint32_t dtype, int64_t rows, int64_t columns)
{
  static const double values[64];
  const fmp_spec spec = {.dtype = dtype, .rank = 2, .shape = {rows, columns}};
  fmp_tensor *t = NULL;
  require(fmp_tensor_from(NULL, &spec, values, rows * columns * fmp_dtype_size(dtype), &t));
  require(fmp_tensor_set_name(t, name));
  return t;
}

static void save_seed(const char *name, fmp_tensor **outputs, int32_t n)
{
  static uint8_t bytes[1 << 14];
  fmp_graph *g = NULL;
  require(fmp_trace_end(outputs, n, &g));
  require(fmp_graph_save(g, saved));
  FILE *file = fopen(saved, "rb");
  const size_t size = file ? fread(bytes, 1, sizeof bytes, file) : 0;
  if (!file || fclose(file) != 0) fuzz_fail("a seed cannot be read");
  fuzz_seed(name, bytes, size);
  fmp_graph_release(g);
}

/* leaky_relu(x w + b) and draws like it, in a scope. */
static void dense_seed(void)
{
  const fmp_spec spec = {.dtype = FMP_F32, .rank = 2, .shape = {2, 3}};
  const fmp_attr slope = fmp_attr_f64("slope", 0.25);
  fmp_tensor *w = weights("w", FMP_F32, 3, 4), *b = weights("b", FMP_F32, 1, 4), *x = NULL;
  require(fmp_trace_begin(NULL, &spec, 1, 0, &x));
  require(fmp_scope_push("net"));
  fmp_tensor *product = emit("matmul", NULL, 0, (fmp_tensor *[]){x, w}, 2);
  fmp_tensor *sum = emit("add", NULL, 0, (fmp_tensor *[]){product, b}, 2);
  fmp_tensor *out[2] = {emit("leaky_relu", &slope, 1, &sum, 1), emit("uniform", NULL, 0, &sum, 1)};
  fmp_scope_pop();
  save_seed("dense", out, 2);
  fmp_tensor *all[] = {w, b, x, product, sum, out[0], out[1]};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) fmp_tensor_release(all[i]);
}

/* Attributes that are lists, types and texts, and captures of other types. */
static void attributes_seed(void)
{
  const fmp_attr axes = fmp_attr_i64s("axes", (const int64_t[]){1, 2}, 2);
  const fmp_attr type = fmp_attr_dtype("dtype", FMP_F64);
  const fmp_attr axis = fmp_attr_i64("axis", -1);
  fmp_tensor *u8 = weights("bytes", FMP_U8, 2, 2), *f64 = weights("", FMP_F64, 1, 2);
  require(fmp_trace_begin(NULL, NULL, 0, FMP_NO_REWRITES, NULL));
  fmp_tensor *cast = emit("cast", &type, 1, &u8, 1);
  fmp_tensor *joined = emit("concat", &axis, 1, (fmp_tensor *[]){cast, cast}, 2);
  fmp_tensor *out[2] = {emit("sum", &axes, 1, &joined, 1), f64};
  save_seed("attributes", out, 2);
  fmp_tensor *all[] = {u8, f64, cast, joined, out[0]};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) fmp_tensor_release(all[i]);
}

void fuzz_make_seeds(void)
{
  dense_seed();
  attributes_seed();
}

/* -- one input ------------------------------------------------------------- */

/* A graph may hold text that cannot be saved, such as a scope's; then that is all. */
static void check_graph(const char *path)
{
  fmp_graph *g = NULL, *again = NULL;
  require(fmp_graph_load(path, NULL, &g));
  FUZZ_REQUIRE(fmp_graph_text(g), "a graph without a text");
  if (fmp_graph_save(g, saved) == FMP_OK) {
    require(fmp_graph_load(saved, NULL, &again));
    require(fmp_graph_compare(g, again));
  }
  fmp_graph_release(again);
  fmp_graph_release(g);
}

static void forget_seed(const char *name, const uint8_t *bytes, size_t n)
{
  (void)name, (void)bytes, (void)n;
}

/* What is made once and kept is made here: afterwards no memory may be held. */
void fuzz_start(void)
{
  setenv("FMP_PLUGIN_PATH", FMP_FUZZ_PLUGINS, 0);
  fmp_log_level(0); /* no plugins are beside this program */
  require(fmp_plugin_load_default());
  if (!mkdtemp(directory)) fuzz_fail("no directory");
  snprintf(saved, sizeof saved, "%s/g", directory);
  atexit(remove_directory);
  fuzz_each_seed(forget_seed);
  check_graph(saved);
}

void fuzz_one(const uint8_t *bytes, size_t n)
{
  static long count;
  fmp_graph *g = NULL;
  const char *path = fuzz_file(0, bytes, n);
  const int64_t before = fmp_live_bytes();
  const fmp_status status = fmp_graph_load(path, NULL, &g);
  if (status == FMP_OK) fmp_graph_release(g);
  FUZZ_REQUIRE(fmp_live_bytes() == before, "memory is held");
  FUZZ_REQUIRE(fmp_mode() == 0 && !*fmp_scope_path(), "a trace or a scope is open");
  if (status != FMP_OK)
    FUZZ_REQUIRE(*fmp_last_error() && !strpbrk(fmp_last_error(), "\n\r"), "no text of one line");
  else if (count++ % 16 == 0) /* as it takes much longer */
    check_graph(path);
}
