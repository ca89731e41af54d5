/* SPDX-License-Identifier: Apache-2.0
 *
 * The rectifiers on bf16 for AVX2 and AVX-512: the loops of cpu_ref.c, which the compiler
 * vectorises for the instruction set that each copy is marked with. What it has without
 * marks packs 32-bit lanes into 16 bits slowly.
 */
#include "expressions.h"

#include "fmp/kit/simd.h"

#if FMP_SIMD_X86

#define KERNEL(LOOP, set, TARGET, op, at_zero, slope, expression)                \
  TARGET LOOP(op##_##set, uint16_t, float, fmp_bf16_to_f32, fmp_bf16_of_f32,     \
              expression) static fmp_status op##_run_##set(const fmp_call *call) \
  {                                                                              \
    const fmp_range_fn loops[] = {at_zero##_##set, op##_##set};                  \
    return run_loop(call, loops[(slope) > 0], slope);                            \
  }

#define FORWARD_AVX2(op, at_zero, slope, y) \
  KERNEL(FORWARD_LOOP, avx2, FMP_TARGET_AVX2, op, at_zero, slope, y)
#define BACK_AVX2(op, at_zero, slope, dx) \
  KERNEL(BACK_LOOP, avx2, FMP_TARGET_AVX2, op, at_zero, slope, dx)
#define FORWARD_AVX512(op, at_zero, slope, y) \
  KERNEL(FORWARD_LOOP, avx512, FMP_TARGET_AVX512, op, at_zero, slope, y)
#define BACK_AVX512(op, at_zero, slope, dx) \
  KERNEL(BACK_LOOP, avx512, FMP_TARGET_AVX512, op, at_zero, slope, dx)

RECTIFIERS(FORWARD_AVX2, BACK_AVX2)
RECTIFIERS(FORWARD_AVX512, BACK_AVX512)

#define ROWS(set, rank)                                                                           \
  {                                                                                               \
    KERNEL_ROW(#set, rank, FMP_BIT(FMP_BF16), relu, 1, relu_run_##set),                           \
        KERNEL_ROW(#set, rank, FMP_BIT(FMP_BF16), relu_back, 2, relu_back_run_##set),             \
        KERNEL_ROW(#set, rank, FMP_BIT(FMP_BF16), leaky_relu, 1, leaky_relu_run_##set),           \
        KERNEL_ROW(#set, rank, FMP_BIT(FMP_BF16), leaky_relu_back, 2, leaky_relu_back_run_##set), \
  }

enum { N_RECTIFIERS = 4 };

static const struct {
  int level;
  fmp_kernel_def kernels[N_RECTIFIERS];
} sets[] = {{FMP_SIMD_AVX2, ROWS(avx2, 10)}, {FMP_SIMD_AVX512, ROWS(avx512, 20)}};

fmp_status activation_register_cpu_simd(const fmp_host *h, fmp_registry *r)
{
  for (size_t s = 0; s < sizeof sets / sizeof *sets; s++)
    for (size_t i = 0; i < N_RECTIFIERS && fmp_simd_has(sets[s].level); i++)
      FMP_TRY(h->add_kernel(r, &sets[s].kernels[i]));
  return FMP_OK;
}

#else

fmp_status activation_register_cpu_simd(const fmp_host *h, fmp_registry *r)
{
  (void)h, (void)r;
  return FMP_OK;
}

#endif
