/* SPDX-License-Identifier: Apache-2.0
 *
 * Hashing of keys: tables, the eager cache, equal nodes. Random keys are hashed here too, and they
 * leave the process: they decide what an op draws and stand in saved graphs. So both formulas are
 * fixed for good (splitmix64's finaliser, FNV-1a) and use no seed. */
#ifndef FMP_HASH_H
#define FMP_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "fmp/kit/philox.h"

/* Chains a number onto a hash. The odd factor makes the order of the numbers count. */
static inline uint64_t fmp__hash_number(uint64_t hash, uint64_t number)
{
  return fmp_mix64(hash * 0x9E3779B97F4A7C15u + number);
}

/* FNV-1a over the bytes, then chained like a number, so that "ab", "c" and "a", "bc" hash
 * differently. */
static inline uint64_t fmp__hash_bytes(uint64_t hash, const void *bytes, size_t n)
{
  const unsigned char *p = bytes;
  uint64_t h = 0xCBF29CE484222325u;
  for (size_t i = 0; i < n; i++) h = (h ^ p[i]) * 0x100000001B3u;
  return fmp__hash_number(hash, h);
}

#endif
