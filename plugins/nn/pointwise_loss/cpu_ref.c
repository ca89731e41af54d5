/* SPDX-License-Identifier: Apache-2.0
 *
 * Reference kernels of the pointwise losses, made from a table of expressions. Sums are taken over
 * blocks of a fixed size, in doubles, and blocks are added in order, so the bits do not depend on
 * the number of threads.
 */
#include "pointwise_loss.h"

#include "../loss.h"
#include "fmp/kit/half.h"
#include "fmp/kit/register.h"

#include <tgmath.h> /* exp and log1p in the type of their argument */

enum { BLOCK = 4096, GRAIN = 4096 };

struct job {
  const void *x, *z;
  void *out;
  double *partial; /* [blocks] */
  int64_t size;
  const void *dloss;
  int each;      /* back: dloss has an element for each of x */
  double factor; /* of dloss */
};

static int64_t blocks_of(int64_t size) { return size / BLOCK + (size % BLOCK != 0); }

/* -- loops ----------------------------------------------------------------- */

/* Elements are stored as S and computed in T: load and store convert. */
#define AS_IS(x) (x)

/* out[i] = expression of x and z */
#define EACH(name, S, T, load, store, expression)   \
  static fmp_status name(const fmp_range *range)    \
  {                                                 \
    const struct job *const job = range->arg;       \
    const S *const xs = job->x, *const zs = job->z; \
    S *const out = job->out;                        \
    const int64_t end = range->end;                 \
    for (int64_t i = range->begin; i < end; i++) {  \
      const T x = load(xs[i]), z = load(zs[i]);     \
      out[i] = store((expression));                 \
    }                                               \
    return FMP_OK;                                  \
  }

/* partial[b] = sum of the expression over block b */
#define SUMS(name, S, T, load, expression)                                              \
  static fmp_status name(const fmp_range *range)                                        \
  {                                                                                     \
    const struct job *const job = range->arg;                                           \
    const S *const xs = job->x, *const zs = job->z;                                     \
    for (int64_t b = range->begin; b < range->end; b++) {                               \
      const int64_t last = job->size - b * BLOCK < BLOCK ? job->size : (b + 1) * BLOCK; \
      double sum = 0;                                                                   \
      for (int64_t i = b * BLOCK; i < last; i++) {                                      \
        const T x = load(xs[i]), z = load(zs[i]);                                       \
        sum += (double)(expression);                                                    \
      }                                                                                 \
      job->partial[b] = sum;                                                            \
    }                                                                                   \
    return FMP_OK;                                                                      \
  }

/* out[i] = expression of x and z, times dloss: one for each element, or one number, of T. */
#define BACK(name, S, T, load, store, expression)           \
  static fmp_status name(const fmp_range *range)            \
  {                                                         \
    const struct job *const job = range->arg;               \
    const S *const xs = job->x, *const zs = job->z;         \
    const S *const dlosses = job->each ? job->dloss : NULL; \
    const T dloss = job->each ? 0 : *(const T *)job->dloss; \
    const T factor = (T)job->factor;                        \
    S *const out = job->out;                                \
    const int64_t end = range->end;                         \
    for (int64_t i = range->begin; i < end; i++) {          \
      const T x = load(xs[i]), z = load(zs[i]);             \
      const T given = dlosses ? load(dlosses[i]) : dloss;   \
      (void)x, (void)z;                                     \
      out[i] = store((expression) * (given * factor));      \
    }                                                       \
    return FMP_OK;                                          \
  }

/* -- running --------------------------------------------------------------- */

/* All loops of a loss for one type. A kernel's data is an array of these, by type. */
struct loops {
  fmp_range_fn each, sums, back[2];
};

static fmp_status run_forward(const fmp_call *call)
{
  const struct loops *const loops = (const struct loops *)call->data + call->in[0].dtype;
  const enum loss_reduction reduction = loss_reduction_of(call->params);
  const fmp_view *const x = &call->in[0], *const loss = &call->out[0];
  struct job job = {.x = x->data,
                    .z = call->in[1].data,
                    .out = loss->data,
                    .partial = call->scratch,
                    .size = fmp_view_size(x)};
  const int64_t blocks = blocks_of(job.size);
  if (reduction == LOSS_NONE)
    return call->host->parallel_for(call, job.size, GRAIN, loops->each, &job);
  FMP_TRY(call->host->parallel_for(call, blocks, GRAIN / BLOCK, loops->sums, &job));
  const double total = loss_total(reduction, job.partial, blocks, job.size);
  if (loss->dtype == FMP_F64)
    *(double *)loss->data = total;
  else
    *(float *)loss->data = (float)total;
  return FMP_OK;
}

static size_t forward_scratch(const fmp_kernel_args *args, const void *state)
{
  (void)state;
  if (loss_reduction_of(args->params) == LOSS_NONE) return 0;
  return (size_t)blocks_of(fmp_spec_size(&args->in[0])) * sizeof(double);
}

static fmp_status run_back(const fmp_call *call)
{
  const struct loops *const loops = (const struct loops *)call->data + call->in[0].dtype;
  const enum loss_reduction reduction = loss_reduction_of(call->params);
  struct job job = {.x = call->in[0].data,
                    .z = call->in[1].data,
                    .dloss = call->in[2].data,
                    .each = reduction == LOSS_NONE,
                    .size = fmp_view_size(&call->in[0])};
  job.factor = reduction == LOSS_MEAN ? 1 / (double)job.size : 1;
  for (int i = 0; i < 2; i++) {
    job.out = call->out[i].data;
    if (job.out) FMP_TRY(call->host->parallel_for(call, job.size, GRAIN, loops->back[i], &job));
  }
  return FMP_OK;
}

/* -- the table ------------------------------------------------------------- */

#define LOOPS(op, suffix, S, T, load, store, loss, dx, dz) \
  EACH(op##_each_##suffix, S, T, load, store, loss)        \
  SUMS(op##_sums_##suffix, S, T, load, loss)               \
  BACK(op##_dx_##suffix, S, T, load, store, dx)            \
  BACK(op##_dz_##suffix, S, T, load, store, dz)

#define LOOPS_OF(op, suffix)                                                       \
  {                                                                                \
    op##_each_##suffix, op##_sums_##suffix, { op##_dx_##suffix, op##_dz_##suffix } \
  }

/* loss, d(loss)/dx and d(loss)/dz */
#define ALL_LOOPS(op, loss, dx, dz)                                                       \
  LOOPS(op, f32, float, float, AS_IS, AS_IS, loss, dx, dz)                                \
  LOOPS(op, f64, double, double, AS_IS, AS_IS, loss, dx, dz)                              \
  LOOPS(op, bf16, uint16_t, float, fmp_bf16_to_f32, fmp_bf16_of_f32, loss, dx, dz)        \
  static const struct loops op##_loops[FMP_DTYPE_COUNT] = {[FMP_F32] = LOOPS_OF(op, f32), \
                                                           [FMP_F64] = LOOPS_OF(op, f64), \
                                                           [FMP_BF16] = LOOPS_OF(op, bf16)};

#define SIGMOID(x) ((x < 0 ? exp(x) : 1) / (1 + exp(-fabs(x))))

ALL_LOOPS(mse, (x - z) * (x - z), 2 * (x - z), 2 * (z - x))
ALL_LOOPS(sigmoid_cross_entropy, (x > 0 ? x : 0) - x * z + log1p(exp(-fabs(x))), SIGMOID(x) - z, -x)

#define COMMON(op)                                                                              \
  .struct_size = sizeof(fmp_kernel_def), .backend = "cpu", .name = "ref", .dtypes = FMP_FLOATS, \
  .data = op##_loops

/* No in-place pairs: the two gradients are computed one after the other, from both inputs. */
static const fmp_kernel_def kernels[] = {
    {COMMON(mse), .op = "mse", .scratch = forward_scratch, .run = run_forward},
    {COMMON(mse), .op = "mse_back", .run = run_back},
    {COMMON(sigmoid_cross_entropy), .op = "sigmoid_cross_entropy", .scratch = forward_scratch,
     .run = run_forward},
    {COMMON(sigmoid_cross_entropy), .op = "sigmoid_cross_entropy_back", .run = run_back},
};

fmp_status pointwise_loss_register_cpu_ref(const fmp_host *h, fmp_registry *r)
{
  return FMP_ADD_KERNELS(h, r, kernels);
}
