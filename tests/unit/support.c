/* SPDX-License-Identifier: Apache-2.0 */
#define _XOPEN_SOURCE 700 /* mkdtemp, nftw, setenv */
#include "support.h"

#include <ftw.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_INPUTS = 8 };

/* -- checks ---------------------------------------------------------------- */

void check_ok(fmp_status got, const char *text, const char *file, int line)
{
  if (got == FMP_OK) return;
  print_error("%s: %s: %s\n", text, fmp_status_name(got), fmp_last_error());
  _fail(file, line);
}

void check_fails(fmp_status got, fmp_status want, const char *text, const char *expression,
                 const char *file, int line)
{
  const char *error = fmp_last_error();
  if (got == want && strstr(error, text) && !strchr(error, '\n') && *error) return;
  print_error("%s: expected %s and '...%s...', got %s and '%s'\n", expression,
              fmp_status_name(want), text, fmp_status_name(got), got == FMP_OK ? "" : error);
  _fail(file, line);
}

void check_near(double got, double want, double tolerance, const char *file, int line)
{
  if (fabs(got - want) <= tolerance) return;
  print_error("expected %.9g, got %.9g\n", want, got);
  _fail(file, line);
}

/* -- group fixtures -------------------------------------------------------- */

int load_plugins(void **state)
{
  (void)state;
  if (fmp_plugin_load_default() == FMP_OK && fmp_op_count() > 0) return 0;
  print_error("no plugins: FMP_PLUGIN_PATH is %s; %s\n", getenv("FMP_PLUGIN_PATH"),
              fmp_last_error());
  return -1;
}

int load_sdk_plugin(void **state)
{
  if (load_plugins(state) != 0) return -1;
  if (fmp_plugin_load(FMP_TEST_PLUGINS "/sdk/fmp_sdktest.so") == FMP_OK) return 0;
  print_error("%s\n", fmp_last_error());
  return -1;
}

/* -- tensors and ops ------------------------------------------------------- */

fmp_spec spec_of(uint32_t dtype, uint32_t rank, const int64_t *shape)
{
  fmp_spec spec = {.dtype = dtype, .rank = rank};
  for (uint32_t i = 0; i < rank; i++) spec.shape[i] = shape[i];
  return spec;
}

fmp_spec vector_spec(uint32_t dtype, int64_t n) { return spec_of(dtype, 1, &n); }

fmp_spec matrix_spec(uint32_t dtype, int64_t rows, int64_t cols)
{
  return spec_of(dtype, 2, (const int64_t[]){rows, cols});
}

static fmp_tensor *from(fmp_spec spec, int64_t n, const float *values)
{
  fmp_tensor *t = NULL;
  OK(fmp_tensor_from(NULL, &spec, values, n * (int64_t)sizeof(float), &t));
  return t;
}

fmp_tensor *vector(int64_t n, const float *values)
{
  return from(vector_spec(FMP_F32, n), n, values);
}

fmp_tensor *matrix(int64_t rows, int64_t cols, const float *values)
{
  return from(matrix_spec(FMP_F32, rows, cols), rows * cols, values);
}

void values_of(const fmp_tensor *t, int64_t n, float *values)
{
  OK(fmp_tensor_read(t, values, n * (int64_t)sizeof(float)));
}

void expect_values(const fmp_tensor *t, int64_t n, const float *want, double tolerance)
{
  float got[256];
  assert_true(n <= 256);
  values_of(t, n, got);
  for (int64_t i = 0; i < n; i++) NEAR((double)got[i], (double)want[i], tolerance);
}

double item_of(const fmp_tensor *t)
{
  double value = 0;
  OK(fmp_tensor_item(t, &value));
  return value;
}

const fmp_op *op(const char *name)
{
  const fmp_op *found = NULL;
  OK(fmp_op_find(name, &found));
  return found;
}

static fmp_tensor *emit(const char *name, const fmp_attr *attrs, int32_t n_attr, int n,
                        va_list args)
{
  fmp_tensor *in[MAX_INPUTS], *out = NULL;
  assert_true(n <= MAX_INPUTS);
  for (int i = 0; i < n; i++) in[i] = va_arg(args, fmp_tensor *);
  OK(fmp_emit(op(name), attrs, n_attr, in, n, &out, 1));
  return out;
}

fmp_tensor *call(const char *name, int n, ...)
{
  va_list args;
  va_start(args, n);
  fmp_tensor *out = emit(name, NULL, 0, n, args);
  va_end(args);
  return out;
}

fmp_tensor *call_with(const char *name, const fmp_attr *attrs, int32_t n_attr, int n, ...)
{
  va_list args;
  va_start(args, n);
  fmp_tensor *out = emit(name, attrs, n_attr, n, args);
  va_end(args);
  return out;
}

void drop(int n, ...)
{
  va_list args;
  va_start(args, n);
  for (int i = 0; i < n; i++) fmp_tensor_release(va_arg(args, fmp_tensor *));
  va_end(args);
}

/* -- children -------------------------------------------------------------- */

pid_t start_again(const char *mode, const char *argument)
{
  const pid_t child = fork();
  assert_true(child >= 0);
  if (child > 0) return child;
  execl("/proc/self/exe", "again", mode, argument, (char *)NULL);
  _exit(127);
}

/* -- files ----------------------------------------------------------------- */

static char directory[64];
static pid_t owner; /* not its children */

static int remove_entry(const char *path, const struct stat *s, int kind, struct FTW *where)
{
  (void)s, (void)kind, (void)where;
  return remove(path);
}

static void remove_directory(void)
{
  if (getpid() == owner) nftw(directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

const char *scratch_path(const char *name)
{
  static _Thread_local char path[256];
  if (!directory[0]) {
    strcpy(directory, P_tmpdir "/fmp-test-XXXXXX");
    assert_non_null(mkdtemp(directory));
    owner = getpid();
    atexit(remove_directory);
  }
  snprintf(path, sizeof path, "%s/%s", directory, name);
  return path;
}

void write_file(const char *path, const void *bytes, size_t n)
{
  FILE *f = fopen(path, "wb");
  assert_non_null(f);
  assert_int_equal(fwrite(bytes, 1, n, f), n);
  assert_int_equal(fclose(f), 0);
}

unsigned char *read_file(const char *path, size_t *n)
{
  FILE *f = fopen(path, "rb");
  assert_non_null(f);
  assert_int_equal(fseek(f, 0, SEEK_END), 0);
  *n = (size_t)ftell(f);
  rewind(f);
  unsigned char *bytes = malloc(*n + 1);
  assert_non_null(bytes);
  assert_int_equal(fread(bytes, 1, *n, f), *n);
  fclose(f);
  return bytes;
}

/* -- completeness ---------------------------------------------------------- */

static char *read_source(const char *name)
{
  char path[512];
  size_t n;
  snprintf(path, sizeof path, "%s/%s", getenv("FMP_SOURCE"), name);
  char *text = (char *)read_file(path, &n);
  text[n] = '\0';
  return text;
}

/* "fmp_emit(" of a declaration; NULL: there is no further one. */
static const char *next_function(const char *at, char *name, size_t room)
{
  while ((at = strstr(at, "fmp_"))) {
    const size_t n = strspn(at, "abcdefghijklmnopqrstuvwxyz_");
    if (at[n] == '(' && n + 3 < room) {
      snprintf(name, room, "%.*s", (int)n + 1, at);
      return at + n;
    }
    at += n;
  }
  return NULL;
}

void expect_all_functions(const char *source, const char *except)
{
  char name[80], spaced[80], path[160];
  snprintf(path, sizeof path, "tests/unit/%s", source);
  char *api = read_source("engine/include/fmp/api.h"), *text = read_source(path);
  int missing = 0, found = 0;
  for (const char *at = api; (at = next_function(at, name, sizeof name)); found++) {
    snprintf(spaced, sizeof spaced, " %.*s ", (int)strlen(name) - 1, name);
    if (strstr(text, name) || strstr(except, spaced)) continue;
    print_error("%s has no call of %s)\n", source, name);
    missing++;
  }
  free(api);
  free(text);
  assert_true(found > 90);
  assert_int_equal(missing, 0);
}
