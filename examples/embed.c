/* SPDX-License-Identifier: Apache-2.0
 *
 * fmp from C, without Lua: a small network is run op by op, traced, saved to a file, and
 * run from that file with other batch sizes than it was traced with.
 *
 *   cc embed.c $(pkg-config --cflags --libs fmp) -lm -o embed
 *   ./embed save model.safetensors
 *   ./embed run model.safetensors       in a process that knows nothing of the network
 */
#include <fmp/api.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { INPUTS = 2, HIDDEN = 3, MAX_ROWS = 7 };

/* y = relu(x w1) w2;  x [n,2], w1 [2,3], w2 [3,1] */
static const float w1_values[INPUTS * HIDDEN] = {1, -1, 0.5F, 2, 1, -0.5F};
static const float w2_values[HIDDEN] = {1, 2, -4};

/* -- errors: every call returns a status, the thread keeps the text --------- */

static int failed(fmp_status status, const char *what)
{
  if (status == FMP_OK) return 0;
  fprintf(stderr, "embed: %s: %s (%s)\n", what, fmp_last_error(), fmp_status_name(status));
  return 1;
}

/* -- the network ----------------------------------------------------------- */

static fmp_spec matrix(int64_t rows, int64_t cols)
{
  const fmp_spec spec = {.dtype = FMP_F32, .rank = 2, .shape = {rows, cols}};
  return spec;
}

static fmp_status from_values(int64_t rows, int64_t cols, const float *values, fmp_tensor **t)
{
  const fmp_spec spec = matrix(rows, cols);
  return fmp_tensor_from(NULL, &spec, values, rows * cols * (int64_t)sizeof(float), t);
}

/* Output 0 of an op on a and, if it is not NULL, b. */
static fmp_status apply(const char *name, fmp_tensor *a, fmp_tensor *b, fmp_tensor **y)
{
  const fmp_op *op;
  fmp_tensor *const in[] = {a, b};
  const fmp_status status = fmp_op_find(name, &op);
  return status == FMP_OK ? fmp_emit(op, NULL, 0, in, b ? 2 : 1, y, 1) : status;
}

/* The same lines compute at once, or are traced: that depends on the thread's mode. */
static fmp_status network(fmp_tensor *x, fmp_tensor **y)
{
  fmp_tensor *w1 = NULL, *w2 = NULL, *hidden = NULL, *active = NULL;
  fmp_status status = from_values(INPUTS, HIDDEN, w1_values, &w1);
  if (status == FMP_OK) status = from_values(HIDDEN, 1, w2_values, &w2);
  if (status == FMP_OK) status = apply("matmul", x, w1, &hidden);
  if (status == FMP_OK) status = apply("relu", hidden, NULL, &active);
  if (status == FMP_OK) status = apply("matmul", active, w2, y);
  fmp_tensor_release(w1); /* NULL is allowed; a trace keeps what it has captured */
  fmp_tensor_release(w2);
  fmp_tensor_release(hidden);
  fmp_tensor_release(active);
  return status;
}

static void expected(const float *x, int64_t rows, float *y)
{
  for (int64_t i = 0; i < rows; i++) {
    y[i] = 0;
    for (int k = 0; k < HIDDEN; k++)
      y[i] +=
          fmaxf(x[2 * i] * w1_values[k] + x[2 * i + 1] * w1_values[HIDDEN + k], 0) * w2_values[k];
  }
}

/* Some rows of numbers. */
static fmp_status input(int64_t rows, float *values, fmp_tensor **x)
{
  for (int64_t i = 0; i < rows * INPUTS; i++) values[i] = (float)((i * 7 + rows) % 11) - 5;
  return from_values(rows, INPUTS, values, x);
}

/* Compares y [rows,1] with plain C and says so. */
static int report(const char *how, const float *x, int64_t rows, const fmp_tensor *y)
{
  float got[MAX_ROWS], want[MAX_ROWS];
  if (failed(fmp_tensor_read(y, got, rows * (int64_t)sizeof(float)), "read")) return 1;
  expected(x, rows, want);
  for (int64_t i = 0; i < rows; i++)
    if (!(fabsf(got[i] - want[i]) < 1e-4F)) {
      fprintf(stderr, "embed: row %d: expected %g, got %g\n", (int)i, (double)want[i],
              (double)got[i]);
      return 1;
    }
  printf("%s: batch of %d is right\n", how, (int)rows);
  return 0;
}

/* -- save: run op by op, trace, write -------------------------------------- */

static int run_eager(void)
{
  float values[2 * INPUTS];
  fmp_tensor *x = NULL, *y = NULL;
  int bad = failed(input(2, values, &x), "input") || failed(network(x, &y), "network") ||
            report("op by op", values, 2, y);
  fmp_tensor_release(x);
  fmp_tensor_release(y);
  return bad;
}

static fmp_status trace(fmp_graph **g)
{
  const fmp_spec spec = matrix(2, INPUTS);
  fmp_tensor *x = NULL, *y = NULL;
  fmp_status status = fmp_trace_begin(NULL, &spec, 1, 0, &x);
  if (status != FMP_OK) return status;
  status = network(x, &y);
  if (status == FMP_OK)
    status = fmp_trace_end(&y, 1, g);
  else
    fmp_trace_abort();
  fmp_tensor_release(x);
  fmp_tensor_release(y);
  return status;
}

static int save(const char *path)
{
  fmp_graph *g = NULL;
  if (run_eager()) return 1;
  if (failed(trace(&g), "trace")) return 1;
  const int bad = failed(fmp_graph_save(g, path), "save");
  if (!bad) printf("saved to %s:\n%s", path, fmp_graph_text(g));
  fmp_graph_release(g);
  return bad;
}

/* -- run: read, make ready for a batch size, compute ------------------------ */

static int run_batch(fmp_graph *g, int64_t rows)
{
  float values[MAX_ROWS * INPUTS];
  const fmp_spec spec = matrix(rows, INPUTS);
  fmp_tensor *x = NULL, *y = NULL;
  fmp_plan *plan = NULL;
  fmp_instance *instance = NULL; /* a plan's memory: one for each thread that serves */
  const int bad = failed(input(rows, values, &x), "input") ||
                  failed(fmp_plan_new(g, &spec, 1, 0, &plan), "plan") ||
                  failed(fmp_instance_new(plan, 0, &instance), "instance") ||
                  failed(fmp_instance_run(instance, &x, 1, &y, 1), "run") ||
                  report("from the file", values, rows, y);
  fmp_tensor_release(x);
  fmp_tensor_release(y);
  if (instance) fmp_instance_release(instance);
  if (plan) fmp_plan_release(plan);
  return bad;
}

static int run(const char *path)
{
  fmp_graph *g = NULL;
  int bad = failed(fmp_graph_load(path, NULL, &g), "load");
  for (int64_t rows = 1; rows <= MAX_ROWS && !bad; rows += 3) bad = run_batch(g, rows);
  if (g) fmp_graph_release(g);
  return bad;
}

int main(int argc, char **argv)
{
  if (argc == 3 && failed(fmp_plugin_load_default(), "plugins")) return 1;
  if (argc == 3 && strcmp(argv[1], "save") == 0) return save(argv[2]);
  if (argc == 3 && strcmp(argv[1], "run") == 0) return run(argv[2]);
  fputs("usage: embed save FILE | embed run FILE\n", stderr);
  return 2;
}
