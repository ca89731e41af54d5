/* SPDX-License-Identifier: Apache-2.0
 * cast for AVX2 and AVX-512. Between f32 and bf16, the pair of mixed precision, the loops
 * are plain ones that the compiler vectorises for the instruction set that they are marked
 * with; all other pairs use the reference's loops. */
#include "cast.h"
#include "fmp/kit/half.h"
#include "fmp/kit/loops.h"
#include "fmp/kit/register.h"
#include "fmp/kit/simd.h"

#if FMP_SIMD_X86

#define LOOP(name, TARGET, X, Y, convert)                              \
  TARGET static void name(void *target, const void *source, int64_t n) \
  {                                                                    \
    const X *x = source;                                               \
    Y *y = target;                                                     \
    FMP_LOOP_INDEPENDENT                                               \
    for (int64_t i = 0; i < n; i++) y[i] = convert(x[i]);              \
  }

/* A kernel's data. */
typedef struct pair {
  cast_fn down, up;
} pair;

#define SET(set, TARGET)                                     \
  LOOP(down_##set, TARGET, float, uint16_t, fmp_bf16_of_f32) \
  LOOP(up_##set, TARGET, uint16_t, float, fmp_bf16_to_f32)   \
  static const pair set = {down_##set, up_##set};

SET(avx2, FMP_TARGET_AVX2)
SET(avx512, FMP_TARGET_AVX512)

static fmp_status run(const fmp_call *call)
{
  const pair *set = call->data;
  const uint32_t from = call->in->dtype, to = call->out->dtype;
  if (from == FMP_F32 && to == FMP_BF16) return cast_run(call, set->down);
  if (from == FMP_BF16 && to == FMP_F32) return cast_run(call, set->up);
  return cast_run_ref(call);
}

#define KERNEL                                                                                    \
  .struct_size = sizeof(fmp_kernel_def), .op = "cast", .backend = "cpu", .dtypes = FMP_ANY_DTYPE, \
  .run = run

static const fmp_kernel_def sets[] = {
    {KERNEL, .name = "avx2", .priority = 10, .data = &avx2},
    {KERNEL, .name = "avx512", .priority = 20, .data = &avx512},
};

fmp_status cast_add_simd(const fmp_host *h, fmp_registry *r)
{
  return fmp_add_kernels(h, r, sets, fmp_simd_level());
}

#else

fmp_status cast_add_simd(const fmp_host *h, fmp_registry *r)
{
  (void)h, (void)r;
  return FMP_OK;
}

#endif
