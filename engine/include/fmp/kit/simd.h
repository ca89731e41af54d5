/* SPDX-License-Identifier: Apache-2.0
 *
 * kit/simd.h: kernels for several instruction sets in one plugin, chosen at run time. No part of a
 * plugin is built with -march, and code for what a processor lacks is never entered.
 *
 *   #if FMP_SIMD_X86
 *   #include <immintrin.h>
 *   FMP_TARGET_AVX2 static void rows_avx2(...) { ... _mm256_add_ps ... }
 *   #endif
 *
 * A plugin that registers a kernel for each instruction set, each only if
 *
 *   fmp_simd_has(FMP_SIMD_AVX2)
 *
 * and the better one with the higher priority, leaves the choice to the engine, and its tests can
 * force each one by name. A function marked FMP_TARGET_* can inline only functions with the same
 * mark or with none.
 *
 * The environment's FMP_SIMD=plain|avx2|avx512 lowers what processors are taken to have; it never
 * raises it. */
#ifndef FMP_KIT_SIMD_H
#define FMP_KIT_SIMD_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(__GNUC__) && defined(__x86_64__)
#define FMP_SIMD_X86    1
#define FMP_TARGET_AVX2 __attribute__((target("avx2")))
/* f, bw, vl: what every processor with AVX-512 has, but for the Xeon Phi. */
#define FMP_TARGET_AVX512 __attribute__((target("avx512f,avx512bw,avx512vl")))
#else
#define FMP_SIMD_X86 0
#endif

/* Each level includes those before it. */
enum { FMP_SIMD_PLAIN = 0, FMP_SIMD_AVX2 = 1, FMP_SIMD_AVX512 = 2, FMP_SIMD_COUNT = 3 };

/* What this processor and the operating system support. */
static inline int fmp_simd_processor(void)
{
#if FMP_SIMD_X86
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512vl"))
    return FMP_SIMD_AVX512;
  if (__builtin_cpu_supports("avx2")) return FMP_SIMD_AVX2;
#endif
  return FMP_SIMD_PLAIN;
}

/* What FMP_SIMD allows; anything but its three words allows everything. */
static inline int fmp_simd_allowed(void)
{
  static const char *const names[FMP_SIMD_COUNT] = {"plain", "avx2", "avx512"};
  const char *wanted = getenv("FMP_SIMD");
  for (int level = 0; wanted != NULL && level < FMP_SIMD_COUNT; level++)
    if (strcmp(wanted, names[level]) == 0) return level;
  return FMP_SIMD_COUNT - 1;
}

/* The highest level that kernels may use. To be asked while a plugin loads: if a table has one
 * kernel for each level from AVX2 on, this is how many of its rows to register. */
static inline uint32_t fmp_simd_level(void)
{
  const int processor = fmp_simd_processor(), allowed = fmp_simd_allowed();
  return (uint32_t)(processor < allowed ? processor : allowed);
}

/* May kernels of this level be registered? */
static inline int fmp_simd_has(int level) { return (uint32_t)level <= fmp_simd_level(); }

#endif
