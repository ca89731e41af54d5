/* SPDX-License-Identifier: Apache-2.0
 * The file of measured choices: how often it is written, what ends with a process, and what
 * processes do to each other. */
#define _XOPEN_SOURCE 700
#include "support.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MANY = 400 };

static int start(void **state)
{
  if (load_plugins(state) != 0) return -1;
  return fmp_plugin_load(FMP_TEST_PLUGINS "/tuning/fmp_pair.so") == FMP_OK ? 0 : -1;
}

/* -- choices --------------------------------------------------------------- */

/* Has the op made ready for n bytes, which is a choice of its own for each n. */
static void choose(int64_t n)
{
  const fmp_spec spec = vector_spec(FMP_U8, n);
  fmp_tensor *x = NULL;
  OK(fmp_tensor_new(NULL, &spec, &x));
  fmp_tensor *y = call("test_pair", 1, x);
  drop(2, x, y);
}

static void choose_all(int64_t from, int64_t to)
{
  for (int64_t n = from; n < to; n++) choose(n);
}

static int has_choice(const char *text, int64_t n)
{
  char key[64];
  snprintf(key, sizeof key, "test_pair (u8 [%d])", (int)n);
  return strstr(text, key) != NULL;
}

static void expect_ended_well(pid_t child)
{
  int status = 0;
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_true(WIFEXITED(status));
  assert_int_equal(WEXITSTATUS(status), 0);
}

/* How many of the sizes from..to-1 the file has; it is whole. */
static int64_t count_in_file(const char *path, int64_t from, int64_t to)
{
  size_t n;
  int64_t found = 0;
  char *bytes = (char *)read_file(path, &n), *text = calloc(n + 1, 1);
  memcpy(text, bytes, n);
  assert_memory_equal(text, "{\"fmp_kernels\":1,", 17);
  assert_string_equal(text + n - 2, "}}");
  for (int64_t size = from; size < to; size++) found += has_choice(text, size);
  free(bytes);
  free(text);
  return found;
}

/* Changes with each file that comes into the place: one before is there until then. */
static ino_t file_at(const char *path)
{
  struct stat s;
  return stat(path, &s) == 0 ? s.st_ino : 0;
}

/* -- how often it is written ----------------------------------------------- */

/* The first ones at once, and many with few writes. The clock may add one each second. */
static void many_are_written_together(void **state)
{
  (void)state;
  const char *path = scratch_path("many");
  const time_t begun = time(NULL);
  int writes = 0;
  OK(fmp_autotune(path));
  for (int64_t n = 1; n <= MANY; n++) {
    const ino_t before = file_at(path);
    choose(n);
    writes += file_at(path) != before;
    if (n <= 8) assert_int_equal(count_in_file(path, 1, n + 1), n);
    if (n % 64 == 0) assert_true(count_in_file(path, 1, n + 1) >= n - n / 8);
  }
  assert_true(writes >= 8 && writes < MANY / 4 + (int)(time(NULL) - begun) + 1);
  OK(fmp_autotune(NULL));
  assert_int_equal(count_in_file(path, 1, MANY + 1), MANY);
}

static void what_is_known_is_not_written(void **state)
{
  (void)state;
  const char *path = scratch_path("known");
  OK(fmp_autotune(path));
  choose_all(1, 20);
  OK(fmp_autotune(path)); /* as somebody may who does not know that it is open */
  const ino_t before = file_at(path);
  choose_all(1, 20);
  OK(fmp_autotune(NULL));
  assert_true(file_at(path) == before);
  assert_int_equal(count_in_file(path, 1, 20), 19);
}

/* A plan has all of its choices in the file when it is made. */
static void a_plan_is_whole(void **state)
{
  (void)state;
  const char *path = scratch_path("plan");
  fmp_spec specs[30];
  fmp_tensor *x[30], *y[30];
  fmp_graph *g = NULL;
  fmp_plan *plan = NULL;
  OK(fmp_autotune(path));
  for (int i = 0; i < 30; i++) specs[i] = vector_spec(FMP_U8, 1000 + i);
  OK(fmp_trace_begin(NULL, specs, 30, 0, x));
  for (int i = 0; i < 30; i++) y[i] = call("test_pair", 1, x[i]);
  OK(fmp_trace_end(y, 30, &g));
  OK(fmp_plan_new(g, NULL, 0, 0, &plan));
  assert_int_equal(count_in_file(path, 1000, 1030), 30);
  OK(fmp_autotune(NULL));
  for (int i = 0; i < 30; i++) drop(2, x[i], y[i]);
  fmp_plan_release(plan);
  fmp_graph_release(g);
}

/* -- processes that end ---------------------------------------------------- */

static atomic_int chosen;

static void *choose_and_stay(void *unused)
{
  choose_all(1, MANY);
  atomic_store(&chosen, 1);
  pause();
  return unused;
}

/* The thread that has made the choices is there still when the process ends. */
static int end_beside_a_thread(void)
{
  pthread_t thread;
  if (pthread_create(&thread, NULL, choose_and_stay, NULL) != 0) return 1;
  while (!atomic_load(&chosen)) sched_yield();
  return 0;
}

/* What a child does with the file of its argument. */
static int be_child(const char *mode, const char *path)
{
  if (start(NULL) != 0 || fmp_autotune(path) != FMP_OK) return 1;
  if (strcmp(mode, "thread") == 0) return end_beside_a_thread();
  if (strcmp(mode, "lower") == 0) choose_all(1, MANY);
  if (strcmp(mode, "upper") == 0) choose_all(MANY, 2 * MANY);
  for (int64_t n = 1; strcmp(mode, "killed") == 0; n++) choose(n);
  return 0;
}

static void a_process_that_ends_loses_nothing(void **state)
{
  (void)state;
  const char *path = scratch_path("ended");
  expect_ended_well(start_again("lower", path));
  assert_int_equal(count_in_file(path, 1, MANY), MANY - 1);
  path = scratch_path("beside");
  expect_ended_well(start_again("thread", path));
  assert_int_equal(count_in_file(path, 1, MANY), MANY - 1);
}

/* After a different while each time: the file is whole, has the first choices without a gap but for
 * an eighth at most, and what was being written beside it goes with the next writer. */
static void one_that_is_killed_leaves_a_whole_file(void **state)
{
  (void)state;
  enum { KILLS = 12 };
  char path[256];
  snprintf(path, sizeof path, "%s", scratch_path("killed"));
  for (int i = 0; i < KILLS; i++) {
    const struct timespec pause_first = {.tv_nsec = (i % 6) * 15 * 1000 * 1000};
    const pid_t child = start_again("killed", path);
    for (int tries = 0; tries < 1000 && !file_at(path); tries++)
      nanosleep(&(struct timespec){.tv_nsec = 10 * 1000 * 1000}, NULL);
    nanosleep(&pause_first, NULL);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_true(count_in_file(path, 1, 2) == 1);
    OK(fmp_autotune(path));
    OK(fmp_autotune(NULL));
  }
  expect_ended_well(start_again("upper", path));
  assert_int_not_equal(access(strcat(path, ".0.part"), F_OK), 0);
}

/* -- processes that share a file ------------------------------------------- */

/* Both have begun with an empty one. */
static void each_keeps_what_the_other_wrote(void **state)
{
  (void)state;
  const char *path = scratch_path("shared");
  OK(fmp_autotune(path));
  expect_ended_well(start_again("lower", path));
  choose_all(MANY, MANY + 3);
  OK(fmp_autotune(NULL));
  assert_int_equal(count_in_file(path, 1, MANY + 3), MANY + 2);
}

static void at_the_same_time_it_stays_whole(void **state)
{
  (void)state;
  char path[256];
  snprintf(path, sizeof path, "%s", scratch_path("together"));
  const pid_t lower = start_again("lower", path), upper = start_again("upper", path);
  for (int looks = 0; looks < 50; looks++) {
    if (file_at(path)) count_in_file(path, 1, 2);
    nanosleep(&(struct timespec){.tv_nsec = 2 * 1000 * 1000}, NULL);
  }
  expect_ended_well(lower);
  expect_ended_well(upper);
  const int64_t below = count_in_file(path, 1, MANY), above = count_in_file(path, MANY, 2 * MANY);
  assert_true(below == MANY - 1 || above == MANY); /* the last one to write has all of its own */
}

/* Which has what its parent has not written yet, and does not write it. */
static void a_forked_process_leaves_it_alone(void **state)
{
  (void)state;
  const char *path = scratch_path("forked");
  OK(fmp_autotune(path));
  int64_t end = 60;
  for (choose_all(1, end); count_in_file(path, 1, end) == end - 1; end++) choose(end);
  const ino_t before = file_at(path);
  fflush(NULL);
  const pid_t child = fork();
  if (child == 0) exit(0);
  expect_ended_well(child);
  assert_true(file_at(path) == before);
  OK(fmp_autotune(NULL));
  assert_int_equal(count_in_file(path, 1, end), end - 1);
}

/* -- a place where it cannot be written ------------------------------------ */

/* Who makes the first choice is told. What is not there for want of a directory is there when
 * that is. */
static void a_failure_is_said_and_made_up_for(void **state)
{
  (void)state;
  char path[256];
  const fmp_spec spec = vector_spec(FMP_U8, 7);
  fmp_tensor *x = NULL, *y = NULL;
  snprintf(path, sizeof path, "%s/file", scratch_path("later"));
  OK(fmp_autotune(path));
  OK(fmp_tensor_new(NULL, &spec, &x));
  FAILS(fmp_emit(op("test_pair"), NULL, 0, &x, 1, &y, 1), FMP_EIO, "later/file: cannot");
  OK(fmp_emit(op("test_pair"), NULL, 0, &x, 1, &y, 1)); /* it has been chosen */
  assert_int_equal(mkdir(scratch_path("later"), 0700), 0);
  OK(fmp_autotune(NULL));
  assert_int_equal(count_in_file(path, 7, 8), 1);
  drop(2, x, y);
}

/* Somebody has put something else there meanwhile. */
static void what_is_no_such_file_is_replaced(void **state)
{
  (void)state;
  const char *path = scratch_path("replaced");
  OK(fmp_autotune(path));
  choose_all(1, 4);
  write_file(path, "{\"fmp_ker", 9);
  fmp_log_level(0);
  choose_all(4, 6);
  fmp_log_level(1);
  OK(fmp_autotune(NULL));
  assert_int_equal(count_in_file(path, 1, 6), 5);
}

int main(int argc, char **argv)
{
  if (argc == 3) return be_child(argv[1], argv[2]);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(many_are_written_together),
      cmocka_unit_test(what_is_known_is_not_written),
      cmocka_unit_test(a_plan_is_whole),
      cmocka_unit_test(a_process_that_ends_loses_nothing),
      cmocka_unit_test(one_that_is_killed_leaves_a_whole_file),
      cmocka_unit_test(each_keeps_what_the_other_wrote),
      cmocka_unit_test(at_the_same_time_it_stays_whole),
      cmocka_unit_test(a_forked_process_leaves_it_alone),
      cmocka_unit_test(a_failure_is_said_and_made_up_for),
      cmocka_unit_test(what_is_no_such_file_is_replaced),
  };
  return cmocka_run_group_tests(tests, start, NULL);
}
