/* SPDX-License-Identifier: Apache-2.0
 * What the C tests share. Every helper that fails ends the running test with the
 * engine's text, so that tests read as the sequence of calls that they are. */
#ifndef SUPPORT_H
#define SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <cmocka.h>

#include "fmp/api.h"
#include "fmp/kit/attr.h"

/* -- checks ---------------------------------------------------------------- */

/* OK(call): succeeds, or the test fails with the engine's text. */
#define OK(call) check_ok((call), #call, __FILE__, __LINE__)
/* FAILS(call, FMP_ESHAPE, "text that the message must contain") */
#define FAILS(call, status, text) check_fails((call), (status), (text), #call, __FILE__, __LINE__)
#define NEAR(a, b, tolerance)     check_near((a), (b), (tolerance), __FILE__, __LINE__)

void check_ok(fmp_status got, const char *call, const char *file, int line);
/* The last error must also be one line. */
void check_fails(fmp_status got, fmp_status want, const char *text, const char *call,
                 const char *file, int line);
void check_near(double got, double want, double tolerance, const char *file, int line);

/* -- group fixtures -------------------------------------------------------- */

/* Loads the plugins of the build tree: what CMocka calls a group set-up. */
int load_plugins(void **state);
/* The same, and tests/plugin/sdk. */
int load_sdk_plugin(void **state);

/* -- tensors and ops ------------------------------------------------------- */

fmp_spec spec_of(uint32_t dtype, uint32_t rank, const int64_t *shape);
fmp_spec vector_spec(uint32_t dtype, int64_t n);
fmp_spec matrix_spec(uint32_t dtype, int64_t rows, int64_t cols);
/* f32, on the default device; the caller's. */
fmp_tensor *vector(int64_t n, const float *values);
fmp_tensor *matrix(int64_t rows, int64_t cols, const float *values);
/* values[0..n) in f32 for tensors of exactly n elements. */
void values_of(const fmp_tensor *t, int64_t n, float *values);
void expect_values(const fmp_tensor *t, int64_t n, const float *want, double tolerance);
double item_of(const fmp_tensor *t);

const fmp_op *op(const char *name);
/* Output 0 of an op on n tensors (fmp_tensor *, NULL: absent); the caller's. */
fmp_tensor *call(const char *name, int n, ...);
fmp_tensor *call_with(const char *name, const fmp_attr *attrs, int32_t n_attr, int n, ...);
/* Releases n tensors. */
void drop(int n, ...);

/* -- completeness ---------------------------------------------------------- */

/* Every function of api.h stands in tests/unit/<source>, or, with a space on both sides, in
 * `except`: so that a table over all of them stays one. */
void expect_all_functions(const char *source, const char *except);

/* -- children -------------------------------------------------------------- */

/* Runs this program again, as `PROGRAM mode argument`: what is only forked may not use what its
 * parent has opened. */
pid_t start_again(const char *mode, const char *argument);

/* -- files ----------------------------------------------------------------- */

/* A path in a directory that is this process's own and goes when it ends. Thread's. */
const char *scratch_path(const char *name);
void write_file(const char *path, const void *bytes, size_t n);
/* Allocated with malloc. */
unsigned char *read_file(const char *path, size_t *n);

#endif
