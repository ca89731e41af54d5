/* SPDX-License-Identifier: Apache-2.0
 *
 * guard.h: memory in which writes out of bounds show, whoever makes them. Sanitizers do not see
 * into the code that libraries generate as they run.
 *
 * Each place is a stretch of address space between two inaccessible pages. The memory handed out
 * lies against one of them, so that a step beyond is a crash; on the other side, and in the few
 * bytes to the next multiple of 64, there is a pattern that is checked afterwards. Both the pattern
 * and the memory are NaNs in f32, f64 and bf16: reading before writing shows in sums.
 */
#ifndef FMP_NIGHTLY_GUARD_H
#define FMP_NIGHTLY_GUARD_H

#include <stddef.h>

enum { GUARD_PLACES = 16 };

enum { GUARD_LOW = 0, GUARD_HIGH = 1 }; /* the side on which the page lies */

/* 64-byte aligned, filled with NaNs. NULL: more than a place holds. */
void *guard_take(int place, size_t bytes, int side);

/* How many bytes around the memory last handed out from this place have changed. */
size_t guard_broken(int place);

#endif
