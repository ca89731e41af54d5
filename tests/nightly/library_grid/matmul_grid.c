/* SPDX-License-Identifier: Apache-2.0
 * matmul: sizes in full, transposed or not, with a batch of either operand, both or none. */
#include "library_grid.h"

#include <stdio.h>
#include <string.h>

#include "../../../plugins/math/matmul/matmul.h"

/* Around the blocks of kernels for matrices, of 4 to 32 rows and columns. */
static const int64_t sizes[] = {1,  2,  3,  4,  5,  6,  7,  8,  9,  11, 12, 13, 15, 16,
                                17, 19, 23, 24, 25, 31, 32, 33, 47, 48, 49, 63, 65, 97};
enum { SIZES = sizeof sizes / sizeof sizes[0], FORMS = 16 };

static int64_t count(void) { return (int64_t)SIZES * SIZES * SIZES * FORMS; }

struct product {
  int64_t m, k, n, batch;
  int form; /* bits: a is transposed, b is; a has a batch, b has */
};

static struct product product_of(int64_t i)
{
  struct draw d = draw_for(i);
  struct product p = {.form = (int)(i % FORMS)};
  i /= FORMS;
  p.m = sizes[i % SIZES];
  p.k = sizes[i / SIZES % SIZES];
  p.n = sizes[i / SIZES / SIZES];
  p.batch = 1 + draw_below(&d, 5);
  return p;
}

static fmp_spec matrix(uint32_t dtype, int64_t batch, int64_t rows, int64_t columns, int transposed)
{
  const int64_t height = transposed ? columns : rows, width = transposed ? rows : columns;
  if (batch > 0) return (fmp_spec){.dtype = dtype, .rank = 3, .shape = {batch, height, width}};
  return (fmp_spec){.dtype = dtype, .rank = 2, .shape = {height, width}};
}

static void try_type(const struct grid *grid, const struct product *p, const char *name,
                     uint32_t dtype, struct report *r)
{
  const matmul_params params = {p->form & 1, p->form >> 1 & 1};
  const int64_t a_batch = p->form & 4 ? p->batch : 0, b_batch = p->form & 8 ? p->batch : 0;
  const struct tolerance tolerance = {dtype == FMP_BF16 ? 0x1p-7 : 0,
                                      dtype == FMP_F64 ? 1e-14 : 1e-5};
  struct trial t = {.name = name, .params = &params, .n_in = 2};
  const fmp_kernel_def *kernel;
  t.in[0] = matrix(dtype, a_batch, p->m, p->k, params.transpose_a);
  t.in[1] = matrix(dtype, b_batch, p->k, p->n, params.transpose_b);
  t.out = matrix(dtype, a_batch > b_batch ? a_batch : b_batch, p->m, p->n, 0);
  for (int i = 0; i < 2; i++) t.data[i] = random_values(dtype, trial_bytes(&t.in[i]), 1000 * i);
  const void *expected = trial_reference(grid->loaded, "matmul", &t, r);
  for (int i = 0; expected && (kernel = bare_kernel(grid->loaded, "matmul", i)); i++)
    if (grid_names(grid, kernel->name)) trial_kernel(kernel, &t, expected, tolerance, r);
}

static void run(const struct grid *grid, int64_t i, struct report *r)
{
  static const uint32_t types[] = {FMP_F32, FMP_F64, FMP_BF16};
  const struct product p = product_of(i);
  char name[SUPERVISE_TEXT];
  snprintf(name, sizeof name,
           "matmul %lld: %lldx%lldx%lld, batch %lld of%s%s, transposed%s%s:", (long long)i,
           (long long)p.m, (long long)p.k, (long long)p.n, (long long)p.batch,
           p.form & 4 ? " a" : "", p.form & 8 ? " b" : "", p.form & 1 ? " a" : "",
           p.form & 2 ? " b" : "");
  for (int type = 0; type < 3; type++) try_type(grid, &p, name, types[type], r);
}

const struct grid matmul_grid = {
    .name = "matmul", .plugin = "fmp_math.so", .kernels = "openblas", .count = count, .run = run};
