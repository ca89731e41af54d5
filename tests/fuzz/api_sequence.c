/* SPDX-License-Identifier: Apache-2.0
 * api_sequence: random sequences of calls of api.h, in one thread or several, checked against a
 * model in plain C: what each tensor holds after each op, what plans make of the same ops, which
 * calls must fail, and that all memory is given back at the end of each round.
 *
 *   api_sequence [--seed S] [--seconds N | --emits N] [--threads T] [--sequence K] [--steps N]
 *                [--tail N] [--no-faults]
 *
 * Each sequence runs in a thread of its own, which then ends. On failure the seed, the number of
 * the sequence and its last steps are printed; --sequence K runs that one alone. */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "api/world.h"

enum { MOST_THREADS = 16 };

static options o = {.seed = 1, .threads = 1, .faults = 1, .steps = 400, .tail = 40};
static int64_t seconds = 10, emits = -1, sequence = -1;
static world *worlds[MOST_THREADS]; /* those at work, for whoever looks at a crash */

/* -- one sequence ---------------------------------------------------------- */

static void steps(world *w)
{
  for (int i = 0; i < o.steps; i++) {
    const uint64_t which = random_of(w, 20);
    if (which < 4)
      step_tensors(w);
    else if (which < 13)
      step_ops(w);
    else if (which < 16)
      step_modes(w);
    else
      step_graphs(w);
  }
}

static void *run_sequence(void *arg)
{
  world *w = arg;
  if (fmp_tensor_number(NULL, FMP_F32, 1, &w->one) != FMP_OK) complain(w, "no number");
  fmp_random_seed(w->sequence);
  steps(w);
  end_world(w);
  return NULL;
}

static uint64_t mix(uint64_t a, uint64_t b)
{
  world w = {.random = a * 0x2545f4914f6cdd1dULL + b};
  return random_of(&w, UINT64_MAX);
}

static world *start_sequence(int thread, uint64_t number, pthread_t *id)
{
  world *w = calloc(1, sizeof *w);
  *w = (world){.o = &o, .sequence = number, .random = mix(o.seed, number), .fails_at = -1};
  worlds[thread] = w;
  if (pthread_create(id, NULL, run_sequence, w) != 0) complain(w, "no thread");
  return w;
}

/* Several at once; how many ops they ran. Whatever they made is gone afterwards. */
static int64_t run_round(uint64_t first, int n)
{
  pthread_t ids[MOST_THREADS];
  const int64_t live = fmp_live_bytes(), tensors = fmp_tensor_bytes();
  int64_t done = 0;
  for (int i = 0; i < n; i++) start_sequence(i, first + (uint64_t)i, &ids[i]);
  for (int i = 0; i < n; i++) pthread_join(ids[i], NULL);
  drop_pool();
  fmp_profile(0);
  fmp_profile_clear();
  fmp_interrupt_clear();
  if (fmp_live_bytes() != live || fmp_tensor_bytes() != tensors)
    complain(worlds[0], "%" PRId64 " bytes, %" PRId64 " of tensors, were not given back",
             fmp_live_bytes() - live, fmp_tensor_bytes() - tensors);
  for (int i = 0; i < n; i++) {
    done += worlds[i]->emits;
    free(worlds[i]);
    worlds[i] = NULL;
  }
  return done;
}

/* -- crashes --------------------------------------------------------------- */

static void print_tails(void)
{
  for (int i = 0; i < MOST_THREADS; i++)
    if (worlds[i]) print_tail(worlds[i]);
}

static void on_crash(int number)
{
  print_tails();
  signal(number, SIG_DFL);
  raise(number);
}

/* Sanitizers end the process by themselves. */
void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

static void watch_crashes(void)
{
  static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGABRT, SIGILL, SIGALRM};
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  if (__sanitizer_set_death_callback) __sanitizer_set_death_callback(print_tails);
  signal(SIGALRM, on_crash);
  (void)signals;
#else
  for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) signal(signals[i], on_crash);
#endif
}

/* -- the program ----------------------------------------------------------- */

static int64_t to_number(const char *text)
{
  char *end = NULL;
  const int64_t n = text ? strtoll(text, &end, 10) : 0;
  if (text && *text && !*end) return n;
  fprintf(stderr, "api_sequence: expected a number, got %s\n", text ? text : "nothing");
  exit(2);
}

static int set_flag(const char *name)
{
  if (strcmp(name, "--no-faults") == 0) return !(o.faults = 0);
  return 0;
}

static void set_number(const char *name, int64_t n)
{
  if (strcmp(name, "--seed") == 0)
    o.seed = (uint64_t)n;
  else if (strcmp(name, "--seconds") == 0)
    seconds = n;
  else if (strcmp(name, "--emits") == 0)
    emits = n;
  else if (strcmp(name, "--sequence") == 0)
    sequence = n;
  else if (strcmp(name, "--tail") == 0)
    o.tail = (int)n;
  else if (strcmp(name, "--steps") == 0)
    o.steps = (int)n;
  else if (strcmp(name, "--threads") == 0 && n > 0 && n <= MOST_THREADS)
    o.threads = (int)n;
  else
    exit(fprintf(stderr, "api_sequence: unknown option %s, or its number\n", name) > 0 ? 2 : 2);
}

static void read_arguments(int n, char **args)
{
  for (int i = 1; i < n; i++) {
    if (set_flag(args[i])) continue;
    set_number(args[i], to_number(i + 1 < n ? args[i + 1] : NULL));
    i++;
  }
}

static void load(void)
{
  if (fmp_plugin_load_default() == FMP_OK &&
      fmp_plugin_load(FMP_TEST_PLUGINS "/sdk/fmp_sdktest.so") == FMP_OK)
    return;
  fprintf(stderr, "api_sequence: %s\n", fmp_last_error());
  exit(2);
}

static int goes_on(time_t begun, int64_t done)
{
  return emits >= 0 ? done < emits : time(NULL) - begun < seconds;
}

int main(int n, char **args)
{
  int64_t done = 0;
  uint64_t next = 0;
  fmp_device *device = NULL;
  read_arguments(n, args);
  watch_crashes();
  load();
  if (fmp_device_default(&device) != FMP_OK) return 2; /* what is made once */
  const time_t begun = time(NULL);
  if (sequence >= 0) done = run_round((uint64_t)sequence, 1);
  for (; sequence < 0 && goes_on(begun, done); next += (uint64_t)o.threads) {
    alarm(300); /* no round takes that long */
    done += run_round(next, o.threads);
  }
  printf("api_sequence: seed %" PRIu64 ", %" PRIu64 " sequences, %" PRId64 " ops\n", o.seed, next,
         done);
  puts("1 passed, 0 failed, 0 skipped");
  return 0;
}
