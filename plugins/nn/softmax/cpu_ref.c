/* SPDX-License-Identifier: Apache-2.0
 *
 * Reference kernels of the softmaxes. A tensor is seen as [outer, n, inner] around its
 * axis; a row is n elements that are `inner` apart, and there are outer * inner of them.
 * All reads of an element come before its write, so the output may take an input's place.
 */
#include "softmax.h"

#include "../real.h"
#include "fmp/kit/check.h"
#include "fmp/kit/register.h"

#include <math.h>

struct row {
  int64_t first, step, n; /* elements first, first + step, ... */
};

typedef void (*row_fn)(const fmp_call *call, struct row row);

struct job {
  const fmp_call *call;
  row_fn row;
  int64_t n, inner;
};

static fmp_status rows(const fmp_range *range)
{
  const struct job *const job = range->arg;
  for (int64_t r = range->begin; r < range->end; r++) {
    const int64_t outer = r / job->inner;
    const struct row row = {r + outer * (job->n - 1) * job->inner, job->inner, job->n};
    job->row(job->call, row);
  }
  return FMP_OK;
}

/* data is the function for a row. */
static fmp_status run(const fmp_call *call)
{
  const fmp_view *const x = &call->in[0];
  const struct softmax_params *p = call->params;
  const int64_t axis = softmax_dimension(p->axis, x->rank), size = fmp_view_size(x);
  struct job job = {call, *(const row_fn *)call->data, x->shape[axis], 1};
  if (size == 0) return FMP_OK;
  for (uint32_t i = (uint32_t)axis + 1; i < x->rank; i++) job.inner *= x->shape[i];
  return call->host->parallel_for(call, size / job.n, real_grain(4096, job.n), rows, &job);
}

/* -- rows ------------------------------------------------------------------ */

/* Comparisons skip NaN; exp(x - max) brings it back. */
static double maximum(const fmp_view *x, struct row row)
{
  double max = -INFINITY;
  for (int64_t k = 0; k < row.n; k++) {
    const double value = real_at(x, row.first + k * row.step);
    if (value > max) max = value;
  }
  return max;
}

static double sum_of_exp(const fmp_view *x, struct row row, double max)
{
  double sum = 0;
  for (int64_t k = 0; k < row.n; k++) sum += exp(real_at(x, row.first + k * row.step) - max);
  return sum;
}

static void softmax_row(const fmp_call *call, struct row row)
{
  const fmp_view *const x = &call->in[0];
  const double max = maximum(x, row), sum = sum_of_exp(x, row, max);
  for (int64_t k = 0; k < row.n; k++) {
    const int64_t i = row.first + k * row.step;
    real_set(&call->out[0], i, exp(real_at(x, i) - max) / sum);
  }
}

static void log_softmax_row(const fmp_call *call, struct row row)
{
  const fmp_view *const x = &call->in[0];
  const double max = maximum(x, row), log_sum = log(sum_of_exp(x, row, max));
  for (int64_t k = 0; k < row.n; k++) {
    const int64_t i = row.first + k * row.step;
    real_set(&call->out[0], i, real_at(x, i) - max - log_sum);
  }
}

static void softmax_back_row(const fmp_call *call, struct row row)
{
  const fmp_view *const dy = &call->in[0], *const y = &call->in[1];
  double dot = 0;
  for (int64_t k = 0; k < row.n; k++) {
    const int64_t i = row.first + k * row.step;
    dot += real_at(dy, i) * real_at(y, i);
  }
  for (int64_t k = 0; k < row.n; k++) {
    const int64_t i = row.first + k * row.step;
    real_set(&call->out[0], i, real_at(y, i) * (real_at(dy, i) - dot));
  }
}

static void log_softmax_back_row(const fmp_call *call, struct row row)
{
  const fmp_view *const dy = &call->in[0], *const y = &call->in[1];
  double sum = 0;
  for (int64_t k = 0; k < row.n; k++) sum += real_at(dy, row.first + k * row.step);
  for (int64_t k = 0; k < row.n; k++) {
    const int64_t i = row.first + k * row.step;
    real_set(&call->out[0], i, real_at(dy, i) - exp(real_at(y, i)) * sum);
  }
}

/* -- registration ---------------------------------------------------------- */

static const fmp_inplace inplace[] = {{0, 0}, {1, 0}};

#define ROW(softmax, pairs)                                                                 \
  {                                                                                         \
    .struct_size = sizeof(fmp_kernel_def), .op = #softmax, .backend = "cpu", .name = "ref", \
    .dtypes = FMP_FLOATS, .n_inplace = (pairs), .inplace = inplace,                         \
    .inplace_size = sizeof(fmp_inplace), .data = &(const row_fn){softmax##_row}, .run = run \
  }

static const fmp_kernel_def kernels[] = {
    ROW(softmax, 1),
    ROW(softmax_back, 2),
    ROW(log_softmax, 1),
    ROW(log_softmax_back, 2),
};

fmp_status softmax_register_cpu_ref(const fmp_host *h, fmp_registry *r)
{
  return FMP_ADD_KERNELS(h, r, kernels);
}
