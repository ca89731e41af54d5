/* SPDX-License-Identifier: Apache-2.0
 *
 * matmul by OpenBLAS's sgemm and dgemm, one call for each matrix of the batch; bf16 by way
 * of sgemm. Its OpenMP build uses as many threads as OpenMP has for the calling thread, so
 * nothing is set. */
#include <limits.h>
#include <string.h>
#include "fmp/kit/widen.h"
#include "matmul.h"
#include "openblas.h"

typedef struct gemm_state {
  const openblas *library;
  matmul_sizes s;
  int transpose_a, transpose_b; /* CBLAS's */
} gemm_state;

static int fits_int(int64_t n) { return n <= INT_MAX; }

/* BLAS counts in int; and its buffers must fit, for as many threads as it will have. */
static int32_t supports(const fmp_kernel_args *args)
{
  matmul_sizes s;
  matmul_measure(args->params, &args->in[0], &args->in[1], &s);
  if (!fits_int(s.m) || !fits_int(s.n) || !fits_int(s.k)) return 0;
  return openblas_open(args->threads) != NULL;
}

static fmp_status prepare(const fmp_kernel_args *args, void **state)
{
  const matmul_params *p = args->params;
  gemm_state *g = args->host->alloc(sizeof *g);
  FMP_REQUIRE(args->host, g != NULL, FMP_ENOMEM, "out of memory: a kernel's state");
  g->library = openblas_open(1); /* supports() has checked that there is room */
  matmul_measure(p, &args->in[0], &args->in[1], &g->s);
  g->transpose_a = p->transpose_a ? OPENBLAS_TRANSPOSED : OPENBLAS_AS_IS;
  g->transpose_b = p->transpose_b ? OPENBLAS_TRANSPOSED : OPENBLAS_AS_IS;
  *state = g;
  return FMP_OK;
}

static void release(const fmp_release_args *args) { args->host->free(args->state); }

/* beta = 0: y's old content is not read. */
static void multiply_f32(const gemm_state *g, const float *a, const float *b, float *y)
{
  const matmul_sizes *s = &g->s;
  for (int64_t i = 0; i < s->batch; i++)
    g->library->sgemm(OPENBLAS_ROW_MAJOR, g->transpose_a, g->transpose_b, (int)s->m, (int)s->n,
                      (int)s->k, 1, a + i * s->a_batch, (int)s->a_columns, b + i * s->b_batch,
                      (int)s->b_columns, 0, y + i * s->m * s->n, (int)s->n);
}

static void multiply_f64(const gemm_state *g, const double *a, const double *b, double *y)
{
  const matmul_sizes *s = &g->s;
  for (int64_t i = 0; i < s->batch; i++)
    g->library->dgemm(OPENBLAS_ROW_MAJOR, g->transpose_a, g->transpose_b, (int)s->m, (int)s->n,
                      (int)s->k, 1, a + i * s->a_batch, (int)s->a_columns, b + i * s->b_batch,
                      (int)s->b_columns, 0, y + i * s->m * s->n, (int)s->n);
}

static size_t scratch(const fmp_kernel_args *args, const void *state)
{
  (void)state;
  return fmp_widen_bytes(&args->in[0]) + fmp_widen_bytes(&args->in[1]) +
         fmp_widen_bytes(&args->out[0]);
}

/* f32 or bf16. */
static fmp_status multiply_narrow(const fmp_call *call)
{
  fmp_widened w = fmp_widen_begin(call);
  const float *a, *b;
  FMP_TRY(fmp_widen_in(&w, &call->in[0], &a));
  FMP_TRY(fmp_widen_in(&w, &call->in[1], &b));
  float *y = fmp_widen_out(&w, &call->out[0]);
  multiply_f32(call->state, a, b, y);
  return fmp_widen_end(&w, &call->out[0], y);
}

static fmp_status run(const fmp_call *call)
{
  const gemm_state *g = call->state;
  const fmp_view *a = &call->in[0], *b = &call->in[1], *y = &call->out[0];
  const int64_t size = fmp_view_size(y);
  if (size == 0) return FMP_OK;
  if (g->s.k == 0) /* sums of nothing */
    memset(y->data, 0, (size_t)(size * fmp_element_bytes(y->dtype)));
  else if (y->dtype == FMP_F64)
    multiply_f64(g, a->data, b->data, y->data);
  else
    return multiply_narrow(call);
  return FMP_OK;
}

static const fmp_kernel_def kernel = {
    .struct_size = sizeof(fmp_kernel_def),
    .op = "matmul",
    .backend = "cpu",
    .name = "openblas",
    .dtypes = FMP_FLOATS,
    .priority = 100,
    .supports = supports,
    .prepare = prepare,
    .release = release,
    .scratch = scratch,
    .run = run,
};

fmp_status matmul_add_openblas(const fmp_host *h, fmp_registry *r)
{
  openblas_setup(h);
  return h->add_kernel(r, &kernel);
}
