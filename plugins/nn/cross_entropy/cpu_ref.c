/* SPDX-License-Identifier: Apache-2.0
 *
 * Reference kernels of the cross entropy: row by row through log(sum(exp)), in doubles.
 * Rows are added in their order after the parallel loop, on one thread.
 */
#include "cross_entropy.h"

#include "../loss.h"
#include "../real.h"
#include "fmp/kit/register.h"

#include <math.h>

struct job {
  const fmp_view *logits, *labels, *dloss, *out;
  int64_t rows, classes;
  enum loss_reduction reduction;
  double *loss; /* [rows], scratch; NULL with reduction none */
};

static struct job job_of(const fmp_call *call)
{
  const fmp_view *const logits = &call->in[0];
  const int64_t classes = logits->shape[logits->rank - 1];
  const struct job job = {.logits = logits,
                          .labels = &call->in[1],
                          .dloss = call->n_in > 2 ? &call->in[2] : NULL,
                          .out = &call->out[0],
                          .rows = fmp_view_size(logits) / classes,
                          .classes = classes,
                          .reduction = loss_reduction_of(call->params)};
  return job;
}

static int64_t class_of(const fmp_view *labels, int64_t row)
{
  return labels->dtype == FMP_I32 ? ((const int32_t *)labels->data)[row]
                                  : ((const int64_t *)labels->data)[row];
}

/* Before the loop, on the caller's thread: the first bad row is the same every time, and
 * the text of the failure is kept for this thread. */
static fmp_status check_labels(const fmp_host *h, const struct job *job)
{
  if (!cross_entropy_classes(job->labels->dtype)) return FMP_OK;
  for (int64_t r = 0; r < job->rows; r++) {
    const int64_t label = class_of(job->labels, r);
    FMP_REQUIRE(h, label >= 0 && label < job->classes, FMP_EDATA,
                "label %lld of row %lld is out of range: expected 0 to %lld", (long long)label,
                (long long)r, (long long)job->classes - 1);
  }
  return FMP_OK;
}

static fmp_status run_rows(const fmp_call *call, struct job *job, fmp_range_fn body)
{
  FMP_TRY(check_labels(call->host, job));
  return call->host->parallel_for(call, job->rows, real_grain(4096, job->classes), body, job);
}

/* -- a row ----------------------------------------------------------------- */

/* log(sum(exp(x))) = max + log_sum; kept apart, since a loss near 0 is max - x + log_sum. */
struct norm {
  double max, log_sum;
};

/* Comparisons skip NaN; exp(x - max) brings it back. */
static struct norm norm_of(const fmp_view *x, int64_t first, int64_t n)
{
  struct norm norm = {-INFINITY, 0};
  double sum = 0;
  for (int64_t k = first; k < first + n; k++) {
    const double value = real_at(x, k);
    if (value > norm.max) norm.max = value;
  }
  for (int64_t k = first; k < first + n; k++) sum += exp(real_at(x, k) - norm.max);
  norm.log_sum = log(sum);
  return norm;
}

/* p of class k in a row. */
static double target(const struct job *job, int64_t row, int64_t k)
{
  if (cross_entropy_classes(job->labels->dtype)) return class_of(job->labels, row) == k;
  return real_at(job->labels, row * job->classes + k);
}

static double row_loss(const struct job *job, int64_t row)
{
  const int64_t first = row * job->classes;
  const struct norm norm = norm_of(job->logits, first, job->classes);
  double loss = 0;
  for (int64_t k = 0; k < job->classes; k++) {
    const double p = target(job, row, k);
    if (p != 0) loss += p * (norm.max - real_at(job->logits, first + k) + norm.log_sum);
  }
  return loss;
}

static double target_sum(const struct job *job, int64_t row)
{
  double sum = 0;
  if (cross_entropy_classes(job->labels->dtype)) return 1;
  for (int64_t k = 0; k < job->classes; k++) sum += target(job, row, k);
  return sum;
}

static double scale_of(const struct job *job, int64_t row)
{
  const double dloss = real_at(job->dloss, job->reduction == LOSS_NONE ? row : 0);
  return job->reduction == LOSS_MEAN ? dloss / (double)job->rows : dloss;
}

/* The output may take the logits' place: each is read before it is written. */
static void row_back(const struct job *job, int64_t row)
{
  const int64_t first = row * job->classes;
  const struct norm norm = norm_of(job->logits, first, job->classes);
  const double scale = scale_of(job, row), weight = target_sum(job, row);
  for (int64_t k = 0; k < job->classes; k++) {
    const double q = exp(real_at(job->logits, first + k) - norm.max - norm.log_sum);
    real_set(job->out, first + k, scale * (q * weight - target(job, row, k)));
  }
}

/* -- kernels --------------------------------------------------------------- */

static fmp_status forward_rows(const fmp_range *range)
{
  const struct job *const job = range->arg;
  for (int64_t r = range->begin; r < range->end; r++) {
    const double loss = row_loss(job, r);
    if (job->loss)
      job->loss[r] = loss;
    else
      real_set(job->out, r, loss);
  }
  return FMP_OK;
}

static fmp_status back_rows(const fmp_range *range)
{
  const struct job *const job = range->arg;
  for (int64_t r = range->begin; r < range->end; r++) row_back(job, r);
  return FMP_OK;
}

static size_t forward_scratch(const fmp_kernel_args *args, const void *state)
{
  const fmp_spec *const logits = &args->in[0];
  const int64_t rows = fmp_spec_size(logits) / logits->shape[logits->rank - 1];
  (void)state;
  return loss_reduction_of(args->params) == LOSS_NONE ? 0 : (size_t)rows * sizeof(double);
}

static fmp_status forward_run(const fmp_call *call)
{
  struct job job = job_of(call);
  if (job.reduction != LOSS_NONE) job.loss = call->scratch;
  FMP_TRY(run_rows(call, &job, forward_rows));
  if (job.reduction != LOSS_NONE)
    real_set(job.out, 0, loss_total(job.reduction, job.loss, job.rows, job.rows));
  return FMP_OK;
}

static fmp_status back_run(const fmp_call *call)
{
  struct job job = job_of(call);
  return run_rows(call, &job, back_rows);
}

static const fmp_inplace back_inplace[] = {{0, 0}};

#define COMMON                                                            \
  .struct_size = sizeof(fmp_kernel_def), .backend = "cpu", .name = "ref", \
  .dtypes = FMP_FLOATS | FMP_BIT(FMP_I32) | FMP_BIT(FMP_I64)

static const fmp_kernel_def kernels[] = {
    {COMMON, .op = "cross_entropy", .scratch = forward_scratch, .run = forward_run},
    {COMMON, .op = "cross_entropy_back", .n_inplace = 1, .inplace = back_inplace,
     .inplace_size = sizeof(fmp_inplace), .run = back_run},
};

fmp_status cross_entropy_register_cpu_ref(const fmp_host *h, fmp_registry *r)
{
  return FMP_ADD_KERNELS(h, r, kernels);
}
