/* SPDX-License-Identifier: Apache-2.0
 * cast for AVX2 and AVX-512. Between f32 and bf16, the pair of mixed precision, the loops
 * are plain ones that the compiler vectorises for the instruction set that they are marked
 * with; all other pairs run on the reference's. */
#include "cast.h"
#include "fmp/kit/half.h"
#include "fmp/kit/loops.h"
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

#define SET(set, TARGET)                                                      \
  LOOP(down_##set, TARGET, float, uint16_t, fmp_bf16_of_f32)                  \
  LOOP(up_##set, TARGET, uint16_t, float, fmp_bf16_to_f32)                    \
  static fmp_status run_##set(const fmp_call *call)                           \
  {                                                                           \
    const uint32_t from = call->in->dtype, to = call->out->dtype;             \
    if (from == FMP_F32 && to == FMP_BF16) return cast_run(call, down_##set); \
    if (from == FMP_BF16 && to == FMP_F32) return cast_run(call, up_##set);   \
    return cast_run_ref(call);                                                \
  }

SET(avx2, FMP_TARGET_AVX2)
SET(avx512, FMP_TARGET_AVX512)

static const struct {
  int level;
  int32_t priority;
  const char *name;
  fmp_status (*run)(const fmp_call *call);
} sets[] = {{FMP_SIMD_AVX2, 10, "avx2", run_avx2}, {FMP_SIMD_AVX512, 20, "avx512", run_avx512}};

fmp_status cast_add_simd(const fmp_host *h, fmp_registry *r)
{
  for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++) {
    const fmp_kernel_def def = {
        .struct_size = sizeof def,
        .op = "cast",
        .backend = "cpu",
        .name = sets[i].name,
        .dtypes = FMP_ANY_DTYPE,
        .priority = sets[i].priority,
        .run = sets[i].run,
    };
    if (fmp_simd_has(sets[i].level)) FMP_TRY(h->add_kernel(r, &def));
  }
  return FMP_OK;
}

#else

fmp_status cast_add_simd(const fmp_host *h, fmp_registry *r)
{
  (void)h, (void)r;
  return FMP_OK;
}

#endif
