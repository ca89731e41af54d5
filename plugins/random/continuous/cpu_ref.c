/* SPDX-License-Identifier: Apache-2.0
 * Draws, a Philox block at a time: four numbers of f32 or bf16, two of f64. */
#include "continuous.h"
#include "draw.h"
#include "fmp/kit/half.h"
#include "fmp/kit/register.h"

enum { GRAIN_BLOCKS = 1 << 10 };

typedef void (*unit_fn)(const uint32_t w[4], double z[4]);

/* y[i] = min(offset + scale * z, limit), number i from block i / per_block. */
typedef struct draws {
  unit_fn unit;
  int64_t per_block;
  double offset, scale, limit;
  const fmp_view *y;
  int64_t n;
  fmp_philox_key key;
  uint64_t step;
} draws;

/* -- one block --------------------------------------------------------------- */

static void store(const draws *d, int64_t first, int64_t count, const double *z)
{
  for (int64_t i = 0; i < count; i++) {
    const double exact = d->offset + d->scale * z[i];
    const double y = exact < d->limit ? exact : d->limit;
    switch (d->y->dtype) {
    case FMP_F32: ((float *)d->y->data)[first + i] = (float)y; break;
    case FMP_F64: ((double *)d->y->data)[first + i] = y; break;
    default: ((uint16_t *)d->y->data)[first + i] = fmp_bf16_of_f64(y); break;
    }
  }
}

static fmp_status draw_blocks(const fmp_range *r)
{
  const draws *d = r->arg;
  for (int64_t block = r->begin; block < r->end; block++) {
    const int64_t first = block * d->per_block, left = d->n - first;
    uint32_t w[4];
    double z[4];
    fmp_philox(d->key, d->step, (uint32_t)((uint64_t)block >> 32), (uint32_t)block, w);
    d->unit(w, z);
    store(d, first, left < d->per_block ? left : d->per_block, z);
  }
  return FMP_OK;
}

/* A kernel's data: what fills a block for f32 and bf16, and for f64. */
typedef struct sampler {
  unit_fn unit32, unit64;
} sampler;

static fmp_status run_draws(const fmp_call *call, double offset, double scale, double limit)
{
  const sampler *s = call->data;
  const fmp_view *y = &call->out[0];
  const int wide = y->dtype == FMP_F64;
  draws d = {.unit = wide ? s->unit64 : s->unit32,
             .per_block = wide ? 2 : 4,
             .offset = offset,
             .scale = scale,
             .limit = limit,
             .y = y,
             .n = fmp_view_size(y),
             .key = fmp_philox_key_of(call->rng->seed, call->rng->node),
             .step = *call->rng->step};
  if (d.n == 0) return FMP_OK;
  return call->host->parallel_for(call, (d.n - 1) / d.per_block + 1, GRAIN_BLOCKS, draw_blocks, &d);
}

/* -- kernels ------------------------------------------------------------------- */

/* The largest bf16 below x. */
static double bf16_below(double x)
{
  uint16_t b = fmp_bf16_of_f64(x);
  if ((double)fmp_bf16_to_f32(b) < x) return (double)fmp_bf16_to_f32(b);
  if ((b & 0x7FFFu) == 0)
    b = 0x8001; /* below either zero */
  else
    b = (uint16_t)((b & 0x8000u) != 0 ? b + 1 : b - 1);
  return (double)fmp_bf16_to_f32(b);
}

/* The largest number of the type below x: rounding must not reach `high`. */
static double below(double x, uint32_t dtype)
{
  const float nearest = (float)x;
  if (dtype == FMP_F64) return nextafter(x, -INFINITY);
  if (dtype == FMP_BF16) return bf16_below(x);
  return (double)((double)nearest < x ? nearest : nextafterf(nearest, -INFINITY));
}

static fmp_status uniform_run(const fmp_call *call)
{
  const continuous_params *p = call->params;
  const double limit = below(p->high, call->out[0].dtype);
  return run_draws(call, p->low, p->high - p->low, limit > p->low ? limit : p->low);
}

static fmp_status normal_run(const fmp_call *call)
{
  const continuous_params *p = call->params;
  return run_draws(call, p->mean, p->stddev, INFINITY);
}

static const sampler uniform = {draw_uniform_32, draw_uniform_64};
static const sampler normal = {draw_normal_32, draw_normal_64};
static const sampler truncated = {draw_truncated_32, draw_truncated_64};

#define KERNEL                                                                                  \
  .struct_size = sizeof(fmp_kernel_def), .backend = "cpu", .name = "ref", .dtypes = FMP_FLOATS, \
  .flags = FMP_KERNEL_STRIDED

static const fmp_kernel_def kernels[] = {
    {KERNEL, .op = "uniform", .data = &uniform, .run = uniform_run},
    {KERNEL, .op = "normal", .data = &normal, .run = normal_run},
    {KERNEL, .op = "truncated_normal", .data = &truncated, .run = normal_run},
};

fmp_status continuous_add_ref(const fmp_host *h, fmp_registry *r)
{
  return FMP_ADD_KERNELS(h, r, kernels);
}
