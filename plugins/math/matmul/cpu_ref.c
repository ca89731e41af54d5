/* SPDX-License-Identifier: Apache-2.0
 *
 * matmul in plain loops. Each element is one sum in f64, over k in order: its value does
 * not depend on the number of threads. bf16 is read as f32 and rounded once. */
#include "matmul.h"
#include "fmp/kit/half.h"

enum { GRAIN_PRODUCTS = 1 << 15 };

typedef struct product_job {
  matmul_sizes s;
  const fmp_view *a, *b, *y;
  int64_t a_row, a_column, b_row, b_column; /* strides of op(a) and op(b) */
} product_job;

static double load(const fmp_view *v, int64_t i)
{
  switch (v->dtype) {
  case FMP_F32: return (double)((const float *)v->data)[i];
  case FMP_F64: return ((const double *)v->data)[i];
  default: return (double)fmp_bf16_to_f32(((const uint16_t *)v->data)[i]);
  }
}

static void store(const fmp_view *v, int64_t i, double value)
{
  switch (v->dtype) {
  case FMP_F32: ((float *)v->data)[i] = (float)value; break;
  case FMP_F64: ((double *)v->data)[i] = value; break;
  default: ((uint16_t *)v->data)[i] = fmp_bf16_of_f64(value); break;
  }
}

/* One element: a row of op(a) times a column of op(b), from where they begin. */
static double dot(const product_job *job, int64_t a, int64_t b)
{
  double sum = 0;
  for (int64_t p = 0; p < job->s.k; p++)
    sum += load(job->a, a + p * job->a_column) * load(job->b, b + p * job->b_row);
  return sum;
}

/* Rows [begin, end) of all matrices of y, one below the other. */
static fmp_status rows(const fmp_range *r)
{
  const product_job *job = r->arg;
  for (int64_t row = r->begin; row < r->end; row++) {
    const int64_t matrix = row / job->s.m, i = row % job->s.m;
    const int64_t a = matrix * job->s.a_batch + i * job->a_row;
    const int64_t b = matrix * job->s.b_batch;
    for (int64_t j = 0; j < job->s.n; j++)
      store(job->y, row * job->s.n + j, dot(job, a, b + j * job->b_column));
  }
  return FMP_OK;
}

static fmp_status run(const fmp_call *call)
{
  const matmul_params *p = call->params;
  product_job job = {.a = &call->in[0], .b = &call->in[1], .y = &call->out[0]};
  const fmp_spec a = fmp_view_spec(job.a), b = fmp_view_spec(job.b);
  matmul_measure(p, &a, &b, &job.s);
  if (fmp_view_size(job.y) == 0) return FMP_OK;
  job.a_row = p->transpose_a ? 1 : job.s.a_columns;
  job.a_column = p->transpose_a ? job.s.a_columns : 1;
  job.b_row = p->transpose_b ? 1 : job.s.b_columns;
  job.b_column = p->transpose_b ? job.s.b_columns : 1;
  const int64_t work = job.s.n * (job.s.k + 1);
  return call->host->parallel_for(call, job.s.batch * job.s.m, GRAIN_PRODUCTS / work + 1, rows,
                                  &job);
}

static const fmp_kernel_def kernel = {
    .struct_size = sizeof(fmp_kernel_def),
    .op = "matmul",
    .backend = "cpu",
    .name = "ref",
    .dtypes = FMP_FLOATS,
    .run = run,
};

fmp_status matmul_add_ref(const fmp_host *h, fmp_registry *r) { return h->add_kernel(r, &kernel); }
