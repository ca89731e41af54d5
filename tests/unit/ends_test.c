/* SPDX-License-Identifier: Apache-2.0
 * Ends: of recordings, traces and stretches outside, in every order, balanced or not; of threads
 * in the midst of them; of the process. Nothing stays behind, and each mode is what a stack of
 * them says. */
#define _POSIX_C_SOURCE 200809L /* setenv */
#include "support.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* -- every order ----------------------------------------------------------- */

enum { RECORD, RECORD_END, OUTSIDE, OUTSIDE_END, TRACE, TRACE_ABORT, TRACE_END, EMIT, ACTIONS };
enum { LENGTH = 4, SEQUENCES = ACTIONS * ACTIONS * ACTIONS * ACTIONS };

/* What a thread's mode is by api.h: a stack, of which OUTSIDE sets a part aside. */
typedef struct modes {
  int mode[LENGTH + 1], depth[LENGTH + 1];
  int top;
} modes;

static void expect_step(modes *m, int action)
{
  int *mode = &m->mode[m->top], *depth = &m->depth[m->top];
  switch (action) {
  case RECORD:
    if (*mode == 0) *mode = 1;
    ++*depth;
    break;
  case RECORD_END:
    if (*depth > 0 && --*depth == 0 && *mode == 1) *mode = 0;
    break;
  case OUTSIDE:
    m->top++;
    m->mode[m->top] = m->depth[m->top] = 0;
    break;
  case OUTSIDE_END: m->top -= m->top > 0; break;
  case TRACE:
    if (*mode == 0) *mode = 2;
    break;
  case TRACE_ABORT:
  case TRACE_END:
    if (*mode == 2) *mode = *depth = 0;
    break;
  default: break;
  }
}

static fmp_tensor *x; /* from outside of all */

static void begin_trace(int mode)
{
  const fmp_spec spec = vector_spec(FMP_F32, 1);
  fmp_tensor *in = NULL;
  const fmp_status status = fmp_trace_begin(NULL, &spec, 1, 0, &in);
  assert_int_equal(status, mode == 0 ? FMP_OK : FMP_ESTATE);
  fmp_tensor_release(in);
}

static void end_trace(int mode)
{
  fmp_graph *g = NULL;
  const fmp_status status = fmp_trace_end(NULL, 0, &g);
  assert_int_equal(status, mode == 2 ? FMP_OK : FMP_ESTATE);
  fmp_graph_release(g);
}

static void step(int mode, int action)
{
  switch (action) {
  case RECORD: OK(fmp_record_begin()); break;
  case RECORD_END: fmp_record_end(NULL, 0); break;
  case OUTSIDE: OK(fmp_outside_begin()); break;
  case OUTSIDE_END: fmp_outside_end(); break;
  case TRACE: begin_trace(mode); break;
  case TRACE_ABORT: fmp_trace_abort(); break;
  case TRACE_END: end_trace(mode); break;
  default: {
    fmp_tensor *y = call("neg", 1, x);
    assert_int_equal(fmp_tensor_state(y), mode == 2);
    fmp_tensor_release(y);
  }
  }
}

/* Sequence number n, as far as it goes. */
static void run_sequence(int n)
{
  modes m = {.top = 0};
  for (int i = 0; i < LENGTH; i++, n /= ACTIONS) {
    const int mode = m.mode[m.top];
    expect_step(&m, n % ACTIONS);
    step(mode, n % ACTIONS);
    if (fmp_mode() != m.mode[m.top]) print_error("sequence %d, step %d\n", n, i);
    assert_int_equal(fmp_mode(), m.mode[m.top]);
  }
}

/* Whatever is open. */
static void unwind(void)
{
  for (int i = 0; i <= LENGTH; i++) {
    for (int k = 0; k <= LENGTH; k++) fmp_record_end(NULL, 0);
    fmp_trace_abort();
    fmp_outside_end();
  }
  assert_int_equal(fmp_mode(), 0);
}

static void in_every_order(void **state)
{
  (void)state;
  run_sequence(EMIT); /* prepares what is prepared once */
  unwind();
  const int64_t live = fmp_live_bytes();
  for (int n = 0; n < SEQUENCES; n++) {
    run_sequence(n);
    unwind();
    if (fmp_live_bytes() != live) print_error("sequence %d\n", n);
    assert_int_equal(fmp_live_bytes(), live);
  }
}

/* -- threads --------------------------------------------------------------- */

static void *run_and_end(void *number)
{
  run_sequence(*(int *)number);
  OK(fmp_scope_push("left open"));
  return NULL;
}

static void end_in_a_thread(void *(*run)(void *), void *arg)
{
  pthread_t thread;
  assert_int_equal(pthread_create(&thread, NULL, run, arg), 0);
  pthread_join(thread, NULL);
}

static void of_threads_in_the_midst(void **state)
{
  (void)state;
  const int64_t live = fmp_live_bytes();
  for (int n = 0; n < SEQUENCES; n++) {
    end_in_a_thread(run_and_end, &n);
    if (fmp_live_bytes() != live) print_error("sequence %d\n", n);
    assert_int_equal(fmp_live_bytes(), live);
  }
}

static void *record_and_end(void *made)
{
  OK(fmp_record_begin());
  *(fmp_tensor **)made = call("neg", 1, x);
  return NULL;
}

/* A handle that outlives the thread in whose recording it was made. */
static void what_a_thread_has_recorded(void **state)
{
  (void)state;
  fmp_tensor *made = NULL, *y = NULL;
  end_in_a_thread(record_and_end, &made);
  assert_int_equal(fmp_tensor_state(made), 2);
  FAILS(fmp_emit(op("neg"), NULL, 0, &made, 1, &y, 1), FMP_ESTATE, "empty");
  fmp_tensor_release(made);
}

static void what_was_begun_outside(void **state)
{
  (void)state;
  fmp_tensor *made = NULL;
  OK(fmp_record_begin());
  OK(fmp_outside_begin());
  OK(fmp_record_begin());
  made = call("neg", 1, x);
  fmp_outside_end(); /* ends the inner one, too */
  assert_int_equal(fmp_mode(), 1);
  assert_int_equal(fmp_tensor_state(made), 2);
  fmp_record_end(NULL, 0);
  assert_int_equal(fmp_mode(), 0);
  fmp_tensor_release(made);
}

/* -- the process ----------------------------------------------------------- */

/* The child's part: an op that is run eagerly, with something open, in its main thread. */
static void run_to_exit(int action)
{
  void *none = NULL;
  fmp_tensor *y = NULL;
  if (load_plugins(&none) != 0 || fmp_plugin_load(FMP_TEST_PLUGINS "/hostile/fmp_ending.so"))
    _exit(2);
  if (fmp_tensor_number(NULL, FMP_F32, 1, &x) != FMP_OK) _exit(3);
  if (fmp_emit(op("hostile_ending"), NULL, 0, &x, 1, &y, 1) != FMP_OK) _exit(4);
  fmp_tensor_release(y);
  step(0, action);
  fmp_tensor_release(x);
  exit(0);
}

/* What the kernel said by the end of a child, which ended well. */
static void said_by_child(int action, char *said, size_t room)
{
  int fds[2], status = 0;
  char fd[16];
  assert_int_equal(pipe(fds), 0);
  snprintf(fd, sizeof fd, "%d", fds[1]);
  setenv("FMP_TEST_FD", fd, 1);
  const pid_t child = fork();
  if (child == 0) {
    alarm(30);
    run_to_exit(action);
  }
  close(fds[1]);
  const ssize_t n = read(fds[0], said, room - 1);
  const ssize_t more = n > 0 ? read(fds[0], said + n, room - 1 - (size_t)n) : 0;
  said[n < 0 ? 0 : n + (more < 0 ? 0 : more)] = '\0';
  close(fds[0]);
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_int_equal(status, 0);
}

/* First of all: what a process has opened, its children lack. */
static void of_the_process(void **state)
{
  (void)state;
  char said[16];
  for (int action = 0; action < ACTIONS; action++) {
    said_by_child(action, said, sizeof said);
    assert_string_equal(said, "pr");
  }
}

static void load(void **state)
{
  assert_int_equal(load_plugins(state), 0);
  OK(fmp_tensor_number(NULL, FMP_F32, 1, &x));
}

static void unload(void **state)
{
  (void)state;
  fmp_tensor_release(x);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(of_the_process),
      cmocka_unit_test(load),
      cmocka_unit_test(in_every_order),
      cmocka_unit_test(of_threads_in_the_midst),
      cmocka_unit_test(what_a_thread_has_recorded),
      cmocka_unit_test(what_was_begun_outside),
      cmocka_unit_test(unload),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
