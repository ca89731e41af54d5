/* SPDX-License-Identifier: Apache-2.0
 *
 * Philox4x32-10, the counter-based generator behind every draw (Salmon et al.,
 * "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
 *
 * A draw is a pure function of (seed, node, step, sample, index): the same bits on any
 * number of threads and on any device. The key is (seed, node) mixed; the counter
 * holds block, sample and step. One block gives four 32-bit numbers.
 */
#ifndef FMP_KIT_PHILOX_H
#define FMP_KIT_PHILOX_H

#include "fmp/plugin.h"

#if defined(__CUDACC__)
#define FMP_KIT_FN static __host__ __device__ inline
#else
#define FMP_KIT_FN static inline
#endif

typedef struct fmp_philox_key {
  uint32_t k0, k1;
} fmp_philox_key;

/* One round: two 32x32 -> 64 bit products, halves crossed and keyed. */
FMP_KIT_FN void fmp_philox_round(uint32_t c[4], uint32_t k0, uint32_t k1)
{
  const uint64_t p0 = (uint64_t)0xD2511F53u * c[0];
  const uint64_t p1 = (uint64_t)0xCD9E8D57u * c[2];
  const uint32_t c0 = (uint32_t)(p1 >> 32) ^ c[1] ^ k0;
  const uint32_t c2 = (uint32_t)(p0 >> 32) ^ c[3] ^ k1;
  c[1] = (uint32_t)p1;
  c[3] = (uint32_t)p0;
  c[0] = c0;
  c[2] = c2;
}

/* Ten rounds on counter c in place. */
FMP_KIT_FN void fmp_philox_10(uint32_t c[4], fmp_philox_key key)
{
  for (int round = 0; round < 10; round++) {
    fmp_philox_round(c, key.k0, key.k1);
    key.k0 += 0x9E3779B9u;
    key.k1 += 0xBB67AE85u;
  }
}

/* A 64-bit mix (splitmix64's finaliser): every bit of the input reaches every bit. */
FMP_KIT_FN uint64_t fmp_mix64(uint64_t x)
{
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}

FMP_KIT_FN fmp_philox_key fmp_philox_key_of(uint64_t seed, uint64_t node)
{
  const uint64_t k = fmp_mix64(seed + fmp_mix64(node + 0x9E3779B97F4A7C15u));
  fmp_philox_key key;
  key.k0 = (uint32_t)k;
  key.k1 = (uint32_t)(k >> 32);
  return key;
}

/* Four numbers: block `block` of sample `sample` at step `step`. Ops that know no
 * samples use sample 0 and carry the high half of a long index there. */
FMP_KIT_FN void fmp_philox(fmp_philox_key key, uint64_t step, uint32_t sample, uint32_t block,
                           uint32_t out[4])
{
  out[0] = block;
  out[1] = sample;
  out[2] = (uint32_t)step;
  out[3] = (uint32_t)(step >> 32);
  fmp_philox_10(out, key);
}

/* [0, 1) with 24 bits, exact in f32. */
FMP_KIT_FN float fmp_uniform_f32(uint32_t bits) { return (float)(bits >> 8) * 0x1p-24f; }

/* [0, 1) with 53 bits. */
FMP_KIT_FN double fmp_uniform_f64(uint32_t high, uint32_t low)
{
  const uint64_t bits = ((uint64_t)high << 32 | low) >> 11;
  return (double)bits * 0x1p-53;
}

/* An unbiased integer in [0, n) needs rejection; this multiply-shift is biased by less
 * than n / 2^64, which no test can see. n >= 1. */
FMP_KIT_FN uint64_t fmp_uniform_below(uint32_t high, uint32_t low, uint32_t n)
{
  const uint64_t bits = (uint64_t)high << 32 | low;
  return ((bits >> 32) * n + (((bits & 0xFFFFFFFFu) * n) >> 32)) >> 32;
}

#endif
