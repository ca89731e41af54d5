/* SPDX-License-Identifier: Apache-2.0
 *
 * Reference kernels of avg_pool, f32, f64 and bf16 by way of f32. The inner loops run over
 * channels, side by side in memory.
 */
#include <string.h>

#include "avg_pool.h"

#define REAL       float
#define NAME(stem) stem##_f32
#include "loops.inc"
#undef REAL
#undef NAME

#define REAL       double
#define NAME(stem) stem##_f64
#include "loops.inc"
#undef REAL
#undef NAME

static fmp_status run(const fmp_call *call)
{
  static const struct pool_loops loops = {.f32 = rows_f32, .f64 = rows_f64};
  return pool_forward(call, &loops);
}

static fmp_status run_back(const fmp_call *call)
{
  static const struct pool_loops loops = {.f32 = images_f32, .f64 = images_f64};
  return pool_back(call, &loops);
}

fmp_status avg_pool_register_ref(const fmp_host *h, fmp_registry *r)
{
  static const fmp_kernel_def kernels[2] = {
      {.op = "avg_pool", .name = "ref", .dtypes = FMP_FLOATS, .run = run},
      {.op = "avg_pool_back", .name = "ref", .dtypes = FMP_FLOATS, .run = run_back},
  };
  return pool_add(h, r, kernels);
}
