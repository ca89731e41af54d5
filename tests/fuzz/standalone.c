/* SPDX-License-Identifier: Apache-2.0
 * A harness without libFuzzer: every seed, every truncation and every bit flip of it, and then
 * FMP_FUZZ_SECONDS (default 2) of mutations, the same ones on every run. An input that crashes
 * or takes longer than TIMEOUT seconds is left in fuzz-crash, in the build directory. */
#define _POSIX_C_SOURCE 200809L
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"

enum { TIMEOUT = 60, MOST_SEEDS = 64, MOST_BYTES = 1 << 14, FLIPPED = 1 << 12 };

static struct {
  uint8_t bytes[MOST_BYTES];
  size_t n;
} seeds[MOST_SEEDS], now;

static int n_seeds;
static long n_runs;

/* -- one input ------------------------------------------------------------- */

static void leave_input(int number)
{
  char path[4096];
  const char *build = getenv("FMP_BUILD");
  snprintf(path, sizeof path, "%s/fuzz-crash", build ? build : ".");
  FILE *file = fopen(path, "wb");
  if (file) {
    fwrite(now.bytes, 1, now.n, file);
    fclose(file);
  }
  signal(number, SIG_DFL);
  raise(number);
}

static void run(void)
{
  alarm(TIMEOUT);
  fuzz_one(now.bytes, now.n);
  alarm(0);
  n_runs++;
}

static void keep_seed(const char *name, const uint8_t *bytes, size_t n)
{
  if (n_seeds == MOST_SEEDS || n > MOST_BYTES) fuzz_fail(name);
  memcpy(seeds[n_seeds].bytes, bytes, n);
  seeds[n_seeds++].n = n;
}

/* -- all that is near a seed ----------------------------------------------- */

static void cut_short(int seed)
{
  now = seeds[seed];
  for (now.n = 0; now.n <= seeds[seed].n; now.n++) run();
}

static void turn_bits(int seed)
{
  now = seeds[seed];
  if (now.n > FLIPPED) return;
  for (size_t bit = 0; bit < 8 * now.n; bit++) {
    now.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    run();
    now.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
  }
}

/* -- mutations ------------------------------------------------------------- */

static uint32_t below(uint32_t n)
{
  static uint64_t state = 0x9E3779B97F4A7C15u;
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return n ? (uint32_t)((state >> 32) % n) : 0;
}

static void set_byte(void)
{
  static const uint8_t special[] = {0, 1, 0x7f, 0x80, 0xff, '"', '[', ']', '{', '}', ',', '9'};
  if (now.n) now.bytes[below((uint32_t)now.n)] = special[below(sizeof special)];
}

static void flip_bit(void)
{
  if (now.n) now.bytes[below((uint32_t)now.n)] ^= (uint8_t)(1 << below(8));
}

/* A piece of any seed, put over a place or in front of it. */
static void splice(void)
{
  const uint32_t from = below((uint32_t)n_seeds), at = below((uint32_t)now.n + 1);
  const uint32_t start = below((uint32_t)seeds[from].n + 1);
  uint32_t n = below(64);
  if (n > seeds[from].n - start) n = (uint32_t)(seeds[from].n - start);
  if (below(2) && now.n + n <= MOST_BYTES) {
    memmove(now.bytes + at + n, now.bytes + at, now.n - at);
    now.n += n;
  } else if (n > now.n - at) {
    n = (uint32_t)(now.n - at);
  }
  memcpy(now.bytes + at, seeds[from].bytes + start, n);
}

static void cut_out(void)
{
  const uint32_t at = below((uint32_t)now.n + 1), n = below((uint32_t)(now.n - at) + 1);
  memmove(now.bytes + at, now.bytes + at + n, now.n - at - n);
  now.n -= n;
}

static void mutate(void)
{
  static void (*const ways[])(void) = {set_byte, flip_bit, splice, cut_out};
  now = seeds[below((uint32_t)n_seeds)];
  for (uint32_t i = 1 + below(6); i > 0; i--) ways[below(4)]();
}

int main(void)
{
  const char *text = getenv("FMP_FUZZ_SECONDS");
  const time_t seconds = text ? strtol(text, NULL, 10) : 2;
  static const int deadly[] = {SIGABRT, SIGALRM, SIGSEGV, SIGBUS, SIGFPE};
  for (size_t i = 0; i < sizeof deadly / sizeof *deadly; i++) signal(deadly[i], leave_input);
  fuzz_start();
  fuzz_each_seed(keep_seed);
  for (int i = 0; i < n_seeds; i++) {
    cut_short(i);
    turn_bits(i);
  }
  const long near = n_runs;
  for (const time_t end = time(NULL) + seconds; time(NULL) < end; run()) mutate();
  printf("%d seeds, %ld truncations and bit flips, %ld mutations\n", n_seeds, near, n_runs - near);
  printf("1 passed, 0 failed, 0 skipped\n");
  return 0;
}
