/* SPDX-License-Identifier: Apache-2.0
 * Draws, a Philox block at a time: four numbers of f32 or bf16, two of f64. */
#include "continuous.h"
#include "draw.h"
#include "fmp/kit/half.h"

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

static fmp_status draw_blocks(void *arg, int64_t begin, int64_t end)
{
  const draws *d = arg;
  for (int64_t block = begin; block < end; block++) {
    const int64_t first = block * d->per_block, left = d->n - first;
    uint32_t w[4];
    double z[4];
    fmp_philox(d->key, d->step, (uint32_t)((uint64_t)block >> 32), (uint32_t)block, w);
    d->unit(w, z);
    store(d, first, left < d->per_block ? left : d->per_block, z);
  }
  return FMP_OK;
}

static fmp_status run_draws(const fmp_call *call, unit_fn unit32, unit_fn unit64, double offset,
                            double scale, double limit)
{
  const fmp_view *y = &call->out[0];
  const int wide = y->dtype == FMP_F64;
  draws d = {.unit = wide ? unit64 : unit32,
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
  const double limit = below(p->b, call->out[0].dtype);
  return run_draws(call, draw_uniform_32, draw_uniform_64, p->a, p->b - p->a,
                   limit > p->a ? limit : p->a);
}

static fmp_status normal_run(const fmp_call *call)
{
  const continuous_params *p = call->params;
  return run_draws(call, draw_normal_32, draw_normal_64, p->a, p->b, INFINITY);
}

static fmp_status truncated_run(const fmp_call *call)
{
  const continuous_params *p = call->params;
  return run_draws(call, draw_truncated_32, draw_truncated_64, p->a, p->b, INFINITY);
}

#define DRAW_KERNEL(op_name, function)                                                     \
  {                                                                                        \
    .struct_size = sizeof(fmp_kernel_def), .op = op_name, .backend = "cpu", .name = "ref", \
    .dtypes = FMP_FLOATS, .flags = FMP_KERNEL_STRIDED, .run = function                     \
  }

static const fmp_kernel_def kernels[] = {
    DRAW_KERNEL("uniform", uniform_run),
    DRAW_KERNEL("normal", normal_run),
    DRAW_KERNEL("truncated_normal", truncated_run),
};

fmp_status continuous_add_ref(const fmp_host *h, fmp_registry *r)
{
  for (size_t i = 0; i < sizeof kernels / sizeof kernels[0]; i++)
    FMP_TRY(h->add_kernel(r, &kernels[i]));
  return FMP_OK;
}
