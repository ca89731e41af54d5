/* SPDX-License-Identifier: Apache-2.0
 * Forked processes. If a device or resource has not been used before the fork, a child works like
 * any process; otherwise all calls that would need their threads are refused, and releasing things
 * or ending does not wait for them. A child that hangs is killed by its alarm; its test fails. */
#define _POSIX_C_SOURCE 200809L
#include "model.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE = 10 /* seconds */, PIXELS = 16 };

static const char *data; /* PIXELS records of a label and one byte */

/* A child's failure: its number is what the parent reports. */
#define NEED(condition)                                                                 \
  do {                                                                                  \
    if (!(condition)) {                                                                 \
      print_error("%s:%d: %s: %s\n", __FILE__, __LINE__, #condition, fmp_last_error()); \
      _exit(1);                                                                         \
    }                                                                                   \
  } while (0)

/* NEED_REFUSED(call): refused, saying why. */
#define NEED_REFUSED(call) NEED((call) == FMP_ESTATE && strstr(fmp_last_error(), "forked"))

static pid_t parent;

/* The leak checker would complain of what a child cannot free; it comes after this. */
static void leave_child(void)
{
#if defined(__SANITIZE_ADDRESS__)
  if (getpid() != parent) _exit(0);
#endif
}

static void in_child(void (*run)(void))
{
  int status = 0;
  const pid_t child = fork();
  if (child == 0) {
    alarm(PATIENCE);
    run();
    exit(0);
  }
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_int_equal(status, 0);
}

/* -- what a child is asked to do ------------------------------------------- */

static fmp_status open_queue(fmp_resource **queue)
{
  fmp_resource *reader = NULL;
  fmp_attr files[4] = {fmp_attr_of("files", FMP_ATTR_STRINGS), fmp_attr_i64("height", 1),
                       fmp_attr_i64("width", 1), fmp_attr_i64("channels", 1)};
  files[0].value.list = (fmp_list){&data, 1};
  fmp_status status = fmp_resource_open("record_reader", files, 4, &reader);
  if (status != FMP_OK) return status;
  fmp_attr attrs[] = {fmp_attr_of("source", FMP_ATTR_RESOURCE), fmp_attr_i64("batch", 4),
                      fmp_attr_i64("threads", 3)};
  attrs[0].value.resource = reader;
  status = fmp_resource_open("batch_queue", attrs, 3, queue);
  fmp_resource_release(reader);
  return status;
}

static fmp_status next(fmp_resource *queue)
{
  fmp_attr a = fmp_attr_of("queue", FMP_ATTR_RESOURCE);
  fmp_tensor *out[2] = {NULL, NULL};
  a.value.resource = queue;
  const fmp_status status = fmp_emit(op("next_batch"), &a, 1, NULL, 0, out, 2);
  drop(2, out[0], out[1]);
  return status;
}

/* A product large enough for all threads. */
static fmp_status multiply(void)
{
  enum { N = 200 };
  static float ones[N * N];
  for (int i = 0; i < N * N; i++) ones[i] = 1;
  fmp_tensor *a = NULL, *y = NULL;
  const fmp_spec spec = matrix_spec(FMP_F32, N, N);
  fmp_status status = fmp_tensor_from(NULL, &spec, ones, sizeof ones, &a);
  fmp_tensor *const in[] = {a, a};
  if (status == FMP_OK) status = fmp_emit(op("matmul"), NULL, 0, in, 2, &y, 1);
  if (status == FMP_OK) status = fmp_tensor_read(y, ones, sizeof ones);
  if (status == FMP_OK && ones[7] != N) status = FMP_EDATA;
  drop(2, a, y);
  return status;
}

static void work(void)
{
  fmp_resource *queue = NULL;
  NEED(multiply() == FMP_OK);
  NEED(open_queue(&queue) == FMP_OK);
  for (int i = 0; i < 10; i++) NEED(next(queue) == FMP_OK);
  fmp_resource_release(queue);
}

/* -- what the parent has opened -------------------------------------------- */

static fmp_resource *queue, *counter;
static fmp_tensor *tensor, *large;
static fmp_graph *graph;
static fmp_plan *plan;
static fmp_instance *instance;
static model m;

static void open_all(void)
{
  const fmp_spec spec = vector_spec(FMP_F32, 100000);
  OK(multiply());
  OK(open_queue(&queue));
  OK(next(queue));
  OK(fmp_resource_open("sdk_counter", NULL, 0, &counter));
  OK(model_new(&m));
  OK(model_trace(&m, 1, &graph));
  OK(fmp_plan_new(graph, NULL, 0, 0, &plan));
  OK(fmp_instance_new(plan, 0, &instance));
  tensor = matrix(1, 2, (const float[]){1, 2});
  OK(fmp_tensor_new(NULL, &spec, &large));
}

static void close_all(void)
{
  fmp_resource_release(queue);
  fmp_resource_release(counter);
  fmp_instance_release(instance);
  fmp_plan_release(plan);
  fmp_graph_release(graph);
  model_free(&m);
  drop(2, tensor, large);
}

static void be_refused(void)
{
  float values[2];
  double value;
  const fmp_spec spec = vector_spec(FMP_F32, 100000);
  const void *bytes = NULL;
  int64_t n = 0;
  fmp_tensor *y = NULL;
  fmp_device *device = NULL;
  fmp_resource *r = NULL;
  fmp_plan *p = NULL;
  fmp_instance *i = NULL;
  for (int again = 0; again < 2; again++) {
    NEED_REFUSED(multiply());
    NEED_REFUSED(next(queue));
    NEED_REFUSED(fmp_emit(op("neg"), NULL, 0, &tensor, 1, &y, 1));
    NEED_REFUSED(fmp_instance_run(instance, &tensor, 1, &y, 1));
    NEED_REFUSED(fmp_instance_new(plan, 0, &i));
    NEED_REFUSED(fmp_plan_new(graph, NULL, 0, 0, &p));
    NEED_REFUSED(fmp_tensor_new(NULL, &spec, &y));
    NEED_REFUSED(fmp_tensor_read(tensor, values, sizeof values));
    NEED_REFUSED(fmp_tensor_write(tensor, values, sizeof values));
    NEED_REFUSED(fmp_tensor_number(NULL, FMP_F32, 1, &y));
    NEED_REFUSED(fmp_resource_save(queue, &bytes, &n));
    NEED_REFUSED(fmp_resource_restore(counter, "12345678", 8));
    NEED_REFUSED(fmp_resource_open("sdk_counter", NULL, 0, &r));
    NEED_REFUSED(fmp_device_find("null", &device)); /* not open yet */
    NEED_REFUSED(fmp_device_wait(fmp_tensor_device(large)));
    fmp_interrupt();
    fmp_interrupt_clear(); /* do not make it forget */
  }
  NEED(fmp_tensor_item(large, &value) == FMP_ESHAPE);
}

static void only_look(void)
{
  const fmp_op *found = NULL;
  fmp_spec spec;
  NEED(fmp_op_find("neg", &found) == FMP_OK && *fmp_op_kernels(found));
  NEED(fmp_op_find("negg", &found) == FMP_ENOTFOUND && strstr(fmp_last_error(), "neg"));
  fmp_tensor_spec(tensor, &spec);
  NEED(spec.rank == 2 && *fmp_graph_text(graph) && *fmp_plan_text(plan));
  NEED(fmp_plugin_load_default() == FMP_OK && fmp_plugin_count() > 0);
  NEED(fmp_kernel_force(NULL) == FMP_OK && fmp_profile_plans() == 0);
}

static void only_exit(void) {}

static void exit_in_the_midst(void)
{
  NEED(fmp_record_begin() == FMP_OK);
  NEED(fmp_scope_push("open") == FMP_OK);
}

static void fork_again(void) { in_child(be_refused); }

/* -- tests ----------------------------------------------------------------- */

/* First: nothing is open yet. */
static void works_before_first_use(void **state)
{
  (void)state;
  for (int i = 0; i < 3; i++) in_child(work);
}

static void refuses_after_it(void **state)
{
  static void (*const parts[])(void) = {be_refused, only_look,         close_all,
                                        only_exit,  exit_in_the_midst, fork_again};
  (void)state;
  open_all();
  for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) in_child(parts[i]);
  work(); /* the parent lacks nothing */
  OK(next(queue));
  close_all();
}

static atomic_int stop;

static void *hold_locks(void *arg)
{
  const fmp_op *found;
  int32_t n;
  (void)arg;
  for (int i = 0; !atomic_load(&stop); i++) {
    fmp_op_find("no_such_op", &found);
    fmp_kernel_force(i % 2 ? "ref" : NULL);
    fmp_profile_clear();
    fmp_autotune(i % 2 ? "" : NULL);
    fmp_plugin_scan(FMP_TEST_PLUGINS "/sdk", &n);
  }
  return NULL;
}

static void take_locks(void)
{
  const fmp_op *found;
  int32_t n;
  NEED(fmp_op_find("no_such_op", &found) == FMP_ENOTFOUND);
  NEED(fmp_kernel_force(NULL) == FMP_OK && fmp_autotune(NULL) == FMP_OK);
  fmp_profile_clear();
  NEED(fmp_plugin_scan(FMP_TEST_PLUGINS "/sdk", &n) == FMP_OK);
}

/* Whatever other threads are in the midst of. */
static void finds_all_locks_open(void **state)
{
  (void)state;
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
  puts(
      "skip: finds_all_locks_open: the sanitizers' own locks do not survive a fork beside threads");
  skip();
#endif
  pthread_t threads[2];
  for (int i = 0; i < 2; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, hold_locks, NULL), 0);
  for (int i = 0; i < 60; i++) in_child(take_locks);
  atomic_store(&stop, 1);
  for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
  OK(fmp_kernel_force(NULL));
  OK(fmp_autotune(NULL));
}

static int start(void **state)
{
  static char path[256];
  const unsigned char bytes[2 * PIXELS] = {0};
  snprintf(path, sizeof path, "%s", scratch_path("records.bin"));
  write_file(path, bytes, sizeof bytes);
  data = path;
  parent = getpid();
  atexit(leave_child);
  return load_sdk_plugin(state);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(works_before_first_use),
      cmocka_unit_test(refuses_after_it),
      cmocka_unit_test(finds_all_locks_open),
  };
  return cmocka_run_group_tests(tests, start, NULL);
}
