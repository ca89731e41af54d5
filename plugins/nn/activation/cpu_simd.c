/* SPDX-License-Identifier: Apache-2.0
 *
 * The rectifiers on bf16 for AVX2 and AVX-512: the loops of cpu_ref.c, compiled once for each, so
 * that the compiler vectorises every copy for its own instruction set. The baseline set packs
 * 32-bit lanes into 16 bits slowly.
 */
#include "expressions.h"

#if FMP_SIMD_X86

#define LOOP_OF(LOOP, name, TARGET, expression) \
  TARGET LOOP(name, uint16_t, float, fmp_bf16_to_f32, fmp_bf16_of_f32, expression)

#define FORWARD_AVX2(op, y)   LOOP_OF(FORWARD_LOOP, op##_avx2, FMP_TARGET_AVX2, y)
#define BACK_AVX2(op, dx)     LOOP_OF(BACK_LOOP, op##_avx2, FMP_TARGET_AVX2, dx)
#define FORWARD_AVX512(op, y) LOOP_OF(FORWARD_LOOP, op##_avx512, FMP_TARGET_AVX512, y)
#define BACK_AVX512(op, dx)   LOOP_OF(BACK_LOOP, op##_avx512, FMP_TARGET_AVX512, dx)

RECTIFIERS(FORWARD_AVX2, BACK_AVX2)
RECTIFIERS(FORWARD_AVX512, BACK_AVX512)

#define AVX2(op)           \
  {                        \
    [FMP_BF16] = op##_avx2 \
  }
#define AVX512(op)           \
  {                          \
    [FMP_BF16] = op##_avx512 \
  }

const fmp_kernel_def activation_simd[] = {
    RECTIFIER_ROWS("avx2", 10, FMP_BIT(FMP_BF16), AVX2),
    RECTIFIER_ROWS("avx512", 20, FMP_BIT(FMP_BF16), AVX512),
};

#endif
