/* SPDX-License-Identifier: Apache-2.0
 * The input queue and its threads: the same batches whatever their number, moved and closed
 * while they work, signals left alone, failed allocations. */
#define _POSIX_C_SOURCE 200809L
#include "support.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { EXAMPLES = 103, BATCH = 10, BATCHES = 11, EPOCHS = 3 };

/* EXAMPLES records of a label and one byte, both the record's number. */
static const char *data_file(void)
{
  unsigned char bytes[2 * EXAMPLES];
  for (int i = 0; i < 2 * EXAMPLES; i++) bytes[i] = (unsigned char)(i / 2);
  const char *path = scratch_path("numbered.bin");
  write_file(path, bytes, sizeof bytes);
  return path;
}

static fmp_status open_reader(const char *path, fmp_resource **reader)
{
  fmp_attr attrs[4] = {fmp_attr_of("files", FMP_ATTR_STRINGS), fmp_attr_i64("height", 1),
                       fmp_attr_i64("width", 1), fmp_attr_i64("channels", 1)};
  attrs[0].value.list = (fmp_list){&path, 1};
  return fmp_resource_open("record_reader", attrs, 4, reader);
}

static fmp_status open_queue(fmp_resource *reader, int64_t threads, fmp_resource **queue)
{
  fmp_attr attrs[] = {fmp_attr_of("source", FMP_ATTR_RESOURCE),
                      fmp_attr_i64("batch", BATCH),
                      fmp_attr_bool("shuffle", 1),
                      fmp_attr_i64("seed", 5),
                      fmp_attr_i64("threads", threads),
                      fmp_attr_list("field", FMP_ATTR_I64S, (fmp_list){(int64_t[]){4, 4}, 2}),
                      fmp_attr_f64("flip", 0.5)};
  attrs[0].value.resource = reader;
  return fmp_resource_open("batch_queue", attrs, sizeof attrs / sizeof attrs[0], queue);
}

/* A queue that holds its reader alone. */
static fmp_resource *queue_of(int64_t threads)
{
  fmp_resource *reader = NULL, *queue = NULL;
  OK(open_reader(data_file(), &reader));
  OK(open_queue(reader, threads, &queue));
  fmp_resource_release(reader);
  return queue;
}

static fmp_status next(fmp_resource *queue, fmp_tensor *out[2])
{
  fmp_attr a = fmp_attr_of("queue", FMP_ATTR_RESOURCE);
  a.value.resource = queue;
  return fmp_emit(op("next_batch"), &a, 1, NULL, 0, out, 2);
}

/* Appends the labels of the next batch; *n counts. */
static void append_next(fmp_resource *queue, int32_t *labels, int *n)
{
  fmp_tensor *out[2];
  fmp_spec spec;
  OK(next(queue, out));
  fmp_tensor_spec(out[1], &spec);
  OK(fmp_tensor_read(out[1], labels + *n, spec.shape[0] * (int64_t)sizeof *labels));
  *n += (int)spec.shape[0];
  drop(2, out[0], out[1]);
}

static void read_epochs(int64_t threads, int32_t *labels)
{
  fmp_resource *queue = queue_of(threads);
  int n = 0;
  for (int i = 0; i < EPOCHS * BATCHES; i++) append_next(queue, labels, &n);
  assert_int_equal(n, EPOCHS * EXAMPLES);
  fmp_resource_release(queue);
}

static void exactly_once_in_the_same_order(void **state)
{
  static int32_t one[EPOCHS * EXAMPLES], other[EPOCHS * EXAMPLES];
  static const int64_t threads[] = {1, 2, 3, 8};
  (void)state;
  read_epochs(1, one);
  for (int epoch = 0; epoch < EPOCHS; epoch++) {
    int seen[EXAMPLES] = {0};
    for (int i = 0; i < EXAMPLES; i++) seen[one[epoch * EXAMPLES + i]]++;
    for (int i = 0; i < EXAMPLES; i++) assert_int_equal(seen[i], 1);
  }
  for (int i = 0; i < 4; i++) {
    read_epochs(threads[i], other);
    assert_memory_equal(one, other, sizeof one);
  }
}

/* -- while the workers work ------------------------------------------------ */

static void closed_while_filling(void **state)
{
  (void)state;
  int32_t labels[4 * BATCH];
  for (int i = 0; i < 100; i++) {
    fmp_resource *queue = queue_of(1 + i % 8);
    int n = 0;
    for (int k = 0; k < i % 4; k++) append_next(queue, labels, &n);
    fmp_resource_release(queue);
  }
}

static void moved_while_filling(void **state)
{
  (void)state;
  fmp_resource *queue = queue_of(4);
  int32_t straight[5 * BATCH], again[5 * BATCH];
  const void *bytes = NULL;
  int64_t n_bytes = 0;
  char saved[256];
  int n = 0;
  OK(fmp_resource_save(queue, &bytes, &n_bytes));
  assert_true(n_bytes <= (int64_t)sizeof saved);
  memcpy(saved, bytes, (size_t)n_bytes);
  for (int k = 0; k < 5; k++) append_next(queue, straight, &n);
  for (int i = 0; i < 100; i++) {
    OK(fmp_resource_restore(queue, saved, n_bytes));
    n = 0;
    for (int k = 0; k < i % 6; k++) append_next(queue, again, &n);
    assert_memory_equal(straight, again, (size_t)n * sizeof *again);
  }
  fmp_resource_release(queue);
}

/* Takes and moves from two threads at once: any batch may come, or the complaint that it
 * is not of the expected size, but nothing is torn. */
static void *move_about(void *arg)
{
  fmp_attr attrs[] = {fmp_attr_of("queue", FMP_ATTR_RESOURCE), fmp_attr_i64("epoch", 0)};
  attrs[0].value.resource = arg;
  for (int i = 0; i < 200; i++) {
    attrs[1].value.i = i % 7;
    if (fmp_emit(op("batch_queue_seek"), attrs, 2, NULL, 0, NULL, 0) != FMP_OK) return arg;
  }
  return NULL;
}

static void used_by_two_threads(void **state)
{
  (void)state;
  fmp_resource *queue = queue_of(3);
  pthread_t other;
  void *failed = queue;
  assert_int_equal(pthread_create(&other, NULL, move_about, queue), 0);
  for (int i = 0; i < 200; i++) {
    fmp_tensor *out[2] = {NULL, NULL};
    const fmp_status status = next(queue, out);
    assert_true(status == FMP_OK || status == FMP_ESTATE);
    drop(2, out[0], out[1]);
  }
  pthread_join(other, &failed);
  assert_null(failed);
  fmp_resource_release(queue);
}

/* -- signals --------------------------------------------------------------- */

static volatile sig_atomic_t caught;

static void catch (int number) { caught = number; }

static void signals_are_not_theirs(void **state)
{
  (void)state;
  sigset_t one, before, pending;
  fmp_resource *queue = queue_of(8);
  struct sigaction action = {.sa_handler = catch}, old;
  const struct timespec while_ms = {.tv_nsec = 20 * 1000 * 1000};
  sigemptyset(&one);
  sigaddset(&one, SIGUSR1);
  sigaction(SIGUSR1, &action, &old);
  pthread_sigmask(SIG_BLOCK, &one, &before);
  assert_int_equal(sigismember(&before, SIGUSR1), 0); /* opening the queue left our mask alone */
  kill(getpid(), SIGUSR1);
  nanosleep(&while_ms, NULL);
  sigpending(&pending);
  assert_int_equal(caught, 0); /* no worker took it */
  assert_int_equal(sigismember(&pending, SIGUSR1), 1);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  assert_int_equal(caught, SIGUSR1);
  sigaction(SIGUSR1, &old, NULL);
  fmp_resource_release(queue);
}

/* -- small sets ------------------------------------------------------------ */

static int64_t next_labels(fmp_resource *queue, int32_t *labels)
{
  fmp_tensor *out[2];
  fmp_spec spec;
  OK(next(queue, out));
  fmp_tensor_spec(out[1], &spec);
  OK(fmp_tensor_read(out[1], labels, spec.shape[0] * (int64_t)sizeof *labels));
  drop(2, out[0], out[1]);
  return spec.shape[0];
}

/* Two epochs of `count` examples, and then the end. */
static void check_epochs(const fmp_attr *attrs, int32_t n_attr, int count, int64_t batch)
{
  fmp_resource *queue = NULL;
  fmp_tensor *out[2];
  OK(fmp_resource_open("batch_queue", attrs, n_attr, &queue));
  for (int epoch = 0; epoch < 2; epoch++) {
    int32_t labels[EXAMPLES], seen[EXAMPLES] = {0};
    for (int64_t left = count, rows; left > 0; left -= rows) {
      rows = next_labels(queue, labels);
      assert_int_equal(rows, left < batch ? left : batch);
      for (int64_t i = 0; i < rows; i++) seen[labels[i]]++;
    }
    for (int i = 0; i < EXAMPLES; i++) assert_int_equal(seen[i], i < count);
  }
  FAILS(next(queue, out), FMP_END, "no batch is left");
  fmp_resource_release(queue);
}

/* Every size of set, batch and window: each example once in an epoch, in batches that are full
 * but for the last. */
static void sets_smaller_than_the_batch(void **state)
{
  (void)state;
  static const int64_t sizes[] = {1, 2, 7, 9, 10, 11, 37, 103, 1000, INT32_MAX};
  fmp_resource *reader = NULL;
  OK(open_reader(data_file(), &reader));
  for (int take = 1; take <= 12; take++)
    for (size_t b = 0; b < sizeof sizes / sizeof *sizes; b++)
      for (int64_t capacity = 0; capacity < 6; capacity += 2) {
        fmp_attr attrs[] = {fmp_attr_of("source", FMP_ATTR_RESOURCE),
                            fmp_attr_i64("batch", sizes[b]),
                            fmp_attr_i64("take", take),
                            fmp_attr_bool("shuffle", capacity > 0),
                            fmp_attr_i64("capacity", capacity),
                            fmp_attr_i64("min_after_dequeue", capacity / 2),
                            fmp_attr_i64("epochs", 2)};
        attrs[0].value.resource = reader;
        check_epochs(attrs, 7, take, sizes[b]);
      }
  fmp_resource_release(reader);
}

/* -- memory ---------------------------------------------------------------- */

static void no_memory(void **state)
{
  (void)state;
  const char *path = data_file();
  fmp_resource *reader = NULL, *queue = NULL;
  fmp_resource_release(queue_of(2)); /* whatever is made once */
  const int64_t before = fmp_live_bytes();
  int failures = 0;
  for (int64_t after = 0;; after++) {
    fmp_fail_allocation(after);
    fmp_status status = open_reader(path, &reader);
    if (status == FMP_OK) {
      status = open_queue(reader, 3, &queue);
      fmp_resource_release(reader);
    }
    fmp_fail_allocation(-1);
    if (status == FMP_OK) break;
    assert_int_equal(status, FMP_ENOMEM);
    assert_int_equal(fmp_live_bytes(), before);
    failures++;
  }
  assert_true(failures > 30); /* each slot and worker has several */
  fmp_resource_release(queue);
  assert_int_equal(fmp_live_bytes(), before);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(signals_are_not_theirs),
      cmocka_unit_test(exactly_once_in_the_same_order),
      cmocka_unit_test(closed_while_filling),
      cmocka_unit_test(moved_while_filling),
      cmocka_unit_test(used_by_two_threads),
      cmocka_unit_test(no_memory),
      cmocka_unit_test(sets_smaller_than_the_batch),
  };
  return cmocka_run_group_tests(tests, load_plugins, NULL);
}
