/* SPDX-License-Identifier: Apache-2.0
 * What a harness has and gets. A harness NAME_fuzz.c is linked either with libFuzzer, which
 * searches by coverage, or with standalone.c, which needs no compiler but ours: it tries each
 * seed, all its truncations and bit flips, and then mutates for a while. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* -- what a harness has ---------------------------------------------------- */

/* Once, before all inputs. */
void fuzz_start(void);
/* Calls fuzz_seed() for each of a few small inputs, most of them sound. */
void fuzz_make_seeds(void);
/* One input, which may be anything. Leaves nothing behind. */
void fuzz_one(const uint8_t *bytes, size_t n);

/* -- what it gets ---------------------------------------------------------- */

void fuzz_seed(const char *name, const void *bytes, size_t n);
/* A path to a file of these bytes, in memory; number 0 or 1. The same one each time. */
const char *fuzz_file(int number, const void *bytes, size_t n);

/* Ends the process with a text where a promise is broken: it counts as a crash. */
#define FUZZ_REQUIRE(condition, text)  \
  do {                                 \
    if (!(condition)) fuzz_fail(text); \
  } while (0)
_Noreturn void fuzz_fail(const char *text);

/* Whoever runs the harness calls these. */
void fuzz_each_seed(void (*use)(const char *name, const uint8_t *bytes, size_t n));

#endif
