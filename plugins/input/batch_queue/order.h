/* SPDX-License-Identifier: Apache-2.0
 * In which order examples are delivered: computed on their numbers, ahead of all reading. */
#ifndef INPUT_ORDER_H
#define INPUT_ORDER_H

#include <stdatomic.h>
#include <stdint.h>

/* order[0..n): each of 0 .. n-1 once, a function of (n, window, seed, epoch) alone.
 *
 * A shuffling queue of capacity `window`, always full: example i+window enters when the
 * i-th leaves, and each one that leaves is drawn from all that wait. So nothing comes
 * earlier than `window` - 1 places before its own. window >= n: a uniform permutation;
 * window <= 1: in order. Returns zero if it gave up because *stop was set. */
int order_fill(int64_t n, int64_t window, uint64_t seed, int64_t epoch, uint32_t *order,
               const atomic_int *stop);

#endif
