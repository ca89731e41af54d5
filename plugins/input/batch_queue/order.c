/* SPDX-License-Identifier: Apache-2.0 */
#include "order.h"

#include "fmp/kit/philox.h"

/* Keeps these draws apart from all others of the same seed. */
static const uint64_t ORDER_NODE = 0x6F72646572;

/* Number i of epoch's draws, in [0, n). One block of four words serves two of them. */
static int64_t draw(fmp_philox_key key, int64_t epoch, int64_t i, uint32_t words[4], int64_t n)
{
  if (i % 2 == 0) fmp_philox(key, (uint64_t)epoch, 0, (uint32_t)(i / 2), words);
  const uint32_t *pair = words + 2 * (i % 2);
  return (int64_t)fmp_uniform_below(pair[0], pair[1], (uint32_t)n);
}

/* The queue is places i .. i+window-1 of the array itself. */
int order_fill(int64_t n, int64_t window, uint64_t seed, int64_t epoch, uint32_t *order,
               const atomic_int *stop)
{
  enum { LOOK = 1 << 16 };
  const fmp_philox_key key = fmp_philox_key_of(seed, ORDER_NODE);
  uint32_t words[4];
  for (int64_t i = 0; i < n; i++) order[i] = (uint32_t)i;
  for (int64_t i = 0; i < n && window > 1; i++) {
    if (i % LOOK == 0 && atomic_load(stop)) return 0;
    const int64_t waiting = n - i < window ? n - i : window;
    const int64_t j = i + draw(key, epoch, i, words, waiting);
    const uint32_t leaves = order[j];
    order[j] = order[i];
    order[i] = leaves;
  }
  return 1;
}
