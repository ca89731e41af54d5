/* SPDX-License-Identifier: Apache-2.0
 *
 * kit/philox.h: Philox4x32-10, the counter-based generator behind every draw (Salmon, Moraes, Dror
 * and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011). It passes BigCrush, needs no
 * state, and gives the published known answers (tests/unit/philox_test.c).
 *
 * A draw is a pure function of (seed, node, step, sample, index): the same bits on any number of
 * threads, in any order, and on any device. A kernel gets the first three as fmp_call.rng:
 *
 *   const fmp_philox_key key = fmp_philox_key_of(rng->seed, rng->node);
 *   uint32_t bits[4];
 *   fmp_philox(key, *rng->step, sample, block, bits);
 *   y[i] = fmp_uniform_f32(bits[0]);
 *
 *   key       64 bits   (seed, node), mixed
 *   counter   128 bits  block, sample, step's low half, step's high half
 *   block     128 bits  four 32-bit numbers
 *
 * What an op must see to: that it never uses one (sample, block) for two different numbers, and
 * that which one it uses for an element does not depend on how the work is divided. Draws of an op
 * are part of what a seed means, so their layout must not change from version to version.
 *
 * Pure functions. Host and device (FMP_KIT_FN), C and C++. */
#ifndef FMP_KIT_PHILOX_H
#define FMP_KIT_PHILOX_H

#include "fmp/plugin.h"

#if defined(__CUDACC__)
#define FMP_KIT_FN static __host__ __device__ inline
#else
#define FMP_KIT_FN static inline
#endif

/* Two key words; the same for all draws of one op with one seed. */
typedef struct fmp_philox_key {
  uint32_t k0, k1;
} fmp_philox_key;

/* One round: two products of 32 by 32 bits to 64, whose halves are crossed and keyed. The
 * multipliers are the paper's. */
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

/* Ten rounds on counter c, in place. Between rounds the key words grow by the golden ratio and
 * sqrt(3) - 1, as fractions of 2^32 (Weyl sequences). */
FMP_KIT_FN void fmp_philox_10(uint32_t c[4], fmp_philox_key key)
{
  /* The first round uses the key as it is. */
  for (int round = 0; round < 10; round++) {
    fmp_philox_round(c, key.k0, key.k1);
    key.k0 += 0x9E3779B9u;
    key.k1 += 0xBB67AE85u;
  }
}

/* A mix of 64 bits (splitmix64's finaliser; Steele, Lea and Flood, OOPSLA 2014): a bijection in
 * which every bit of the input reaches every bit of the output. The engine hashes scopes with it,
 * too. */
FMP_KIT_FN uint64_t fmp_mix64(uint64_t x)
{
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}

/* The key of one op's draws. Seeds are often small and consecutive, so both are mixed, the node
 * first: (1, 2) and (2, 1) have nothing in common. */
FMP_KIT_FN fmp_philox_key fmp_philox_key_of(uint64_t seed, uint64_t node)
{
  const uint64_t k = fmp_mix64(seed + fmp_mix64(node + 0x9E3779B97F4A7C15u));
  fmp_philox_key key;
  key.k0 = (uint32_t)k;
  key.k1 = (uint32_t)(k >> 32);
  return key;
}

/* Four numbers: block `block` of sample `sample` at step `step`, into out[0..4). Ops that know no
 * samples use sample 0, or carry the upper half of a long index there; so each (seed, node, step)
 * has 2^64 blocks. */
FMP_KIT_FN void fmp_philox(fmp_philox_key key, uint64_t step, uint32_t sample, uint32_t block,
                           uint32_t out[4])
{
  out[0] = block;
  out[1] = sample;
  out[2] = (uint32_t)step;
  out[3] = (uint32_t)(step >> 32);
  fmp_philox_10(out, key);
}

/* k 2^-24 for k in [0, 2^24): uniform in [0, 1), exact in f32, never 1. Uses the upper 24 bits. */
FMP_KIT_FN float fmp_uniform_f32(uint32_t bits) { return (float)(bits >> 8) * 0x1p-24f; }

/* k 2^-53 for k in [0, 2^53): uniform in [0, 1), exact in f64, never 1. Uses the upper 53 bits. */
FMP_KIT_FN double fmp_uniform_f64(uint32_t high, uint32_t low)
{
  const uint64_t bits = ((uint64_t)high << 32 | low) >> 11;
  return (double)bits * 0x1p-53;
}

/* An integer in [0, n), n >= 1: floor(bits n / 2^64), computed without 128 bits. Exact, since with
 * h and l the halves of bits it is floor((h n + floor(l n / 2^32)) / 2^32), and nothing overflows.
 * Exactly uniform would need rejection, and so a number of draws that varies; here each result's
 * probability is off by less than 2^-64, which no test can see. Callers that need fewer bits pass 0
 * as `low`. */
FMP_KIT_FN uint64_t fmp_uniform_below(uint32_t high, uint32_t low, uint32_t n)
{
  const uint64_t bits = (uint64_t)high << 32 | low;
  return ((bits >> 32) * n + (((bits & 0xFFFFFFFFu) * n) >> 32)) >> 32;
}

#endif
