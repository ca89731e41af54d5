/* SPDX-License-Identifier: Apache-2.0
 * Four threads at once: one plan through four instances, eager ops, errors. Threads
 * report by a text, since CMocka's checks belong to the main thread. */
#define _POSIX_C_SOURCE 200809L /* setenv */
#include "model.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS = 4, ROUNDS = 50, ROWS = 3 };

struct worker {
  int number;
  fmp_plan *plan;
  const model *m;
  char complaint[256]; /* "": none */
};

static int complain(struct worker *w, const char *what)
{
  snprintf(w->complaint, sizeof w->complaint, "thread %d: %s: %.180s", w->number, what,
           fmp_last_error());
  return 0;
}

/* Input of this thread and round, so that a mixed-up buffer cannot go unseen. */
static fmp_tensor *input(const struct worker *w, int round, float *want)
{
  float values[2 * ROWS];
  fmp_tensor *x = NULL;
  const fmp_spec spec = matrix_spec(FMP_F32, ROWS, 2);
  for (int i = 0; i < 2 * ROWS; i++) values[i] = (float)((w->number * 7 + round * 3 + i) % 11) - 5;
  model_expect(values, ROWS, want);
  return fmp_tensor_from(NULL, &spec, values, sizeof values, &x) == FMP_OK ? x : NULL;
}

static int right(struct worker *w, const fmp_tensor *y, const float *want)
{
  float got[ROWS];
  if (fmp_tensor_read(y, got, sizeof got) != FMP_OK) return complain(w, "read");
  for (int i = 0; i < ROWS; i++)
    if (fabsf(got[i] - want[i]) > 1e-4F) return complain(w, "wrong value");
  return 1;
}

static int one_round(struct worker *w, fmp_instance *instance, int round)
{
  float want[ROWS];
  fmp_tensor *x = input(w, round, want), *y = NULL, *eager = NULL;
  int good = x != NULL;
  if (good && fmp_instance_run(instance, &x, 1, &y, 1) != FMP_OK) good = complain(w, "run");
  if (good && model_forward(w->m, x, &eager) != FMP_OK) good = complain(w, "eager");
  good = good && right(w, y, want) && right(w, eager, want);
  drop(3, x, y, eager);
  return good;
}

static void *work(void *arg)
{
  struct worker *w = arg;
  fmp_instance *instance = NULL;
  char name[32];
  const fmp_op *none;
  snprintf(name, sizeof name, "no_such_op_%d", w->number);
  if (fmp_instance_new(w->plan, 1, &instance) != FMP_OK) return complain(w, "instance"), NULL;
  for (int round = 0; round < ROUNDS; round++) {
    if (!one_round(w, instance, round)) break;
    if (fmp_op_find(name, &none) == FMP_OK || !strstr(fmp_last_error(), name)) {
      complain(w, "another thread's error");
      break;
    }
  }
  fmp_instance_release(instance);
  return NULL;
}

static void one_plan_four_instances(void **state)
{
  (void)state;
  model m;
  fmp_graph *g = NULL;
  fmp_plan *plan = NULL;
  pthread_t threads[THREADS];
  struct worker workers[THREADS];
  OK(model_new(&m));
  OK(model_trace(&m, ROWS, &g));
  OK(fmp_plan_new(g, NULL, 0, 0, &plan));
  for (int i = 0; i < THREADS; i++) {
    workers[i] = (struct worker){.number = i, .plan = plan, .m = &m};
    assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
  }
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  for (int i = 0; i < THREADS; i++) assert_string_equal(workers[i].complaint, "");
  fmp_plan_release(plan);
  fmp_graph_release(g);
  model_free(&m);
}

/* -- what an instance has of its own: scratch memory, and draws by its thread's seed -------- */

enum { WIDTH = 64 };

static fmp_plan *plan_smooth_and_noise(void)
{
  const fmp_spec spec = matrix_spec(FMP_F32, ROWS, WIDTH);
  fmp_tensor *x = NULL, *y[2];
  fmp_graph *g = NULL;
  fmp_plan *plan = NULL;
  OK(fmp_trace_begin(NULL, &spec, 1, 0, &x));
  y[0] = call("sdk_smooth", 1, x);
  y[1] = call("sdk_noise", 1, x);
  OK(fmp_trace_end(y, 2, &g));
  drop(3, x, y[0], y[1]);
  OK(fmp_plan_new(g, NULL, 0, 0, &plan));
  fmp_graph_release(g);
  return plan;
}

/* Rows of one value, which smoothing leaves as they are; draws[] receives the draws. */
static int smooth_and_draw(struct worker *w, fmp_instance *instance, int round, double *draws)
{
  const fmp_spec spec = matrix_spec(FMP_F32, ROWS, WIDTH);
  const float value = (float)(1 + w->number * ROUNDS + round);
  float values[ROWS * WIDTH], got[ROWS * WIDTH];
  fmp_tensor *x = NULL, *y[2] = {NULL};
  for (int i = 0; i < ROWS * WIDTH; i++) values[i] = value;
  int good = fmp_tensor_from(NULL, &spec, values, sizeof values, &x) == FMP_OK &&
             fmp_instance_run(instance, &x, 1, y, 2) == FMP_OK &&
             fmp_tensor_read(y[0], got, sizeof got) == FMP_OK &&
             fmp_tensor_read(y[1], draws, ROWS * WIDTH * (int64_t)sizeof *draws) == FMP_OK;
  if (!good) complain(w, "smooth");
  for (int i = 0; i < ROWS * WIDTH && good; i++)
    if (fabsf(got[i] - value) > 1e-3F) good = complain(w, "another's scratch memory");
  drop(3, x, y[0], y[1]);
  return good;
}

/* Twice with the same seed: the same draws, though three others draw meanwhile. */
static void *draw_twice(void *arg)
{
  static _Thread_local double first[ROUNDS][ROWS * WIDTH], again[ROWS * WIDTH];
  struct worker *w = arg;
  fmp_instance *instance = NULL;
  if (fmp_instance_new(w->plan, 1, &instance) != FMP_OK) return complain(w, "instance"), NULL;
  int good = 1;
  fmp_random_seed((uint64_t)w->number);
  for (int round = 0; round < ROUNDS && good; round++)
    good = smooth_and_draw(w, instance, round, first[round]);
  fmp_random_seed((uint64_t)w->number);
  for (int round = 0; round < ROUNDS && good; round++) {
    good = smooth_and_draw(w, instance, round, again);
    if (good && memcmp(first[round], again, sizeof again) != 0) good = complain(w, "other draws");
  }
  fmp_instance_release(instance);
  return NULL;
}

static void scratch_and_draws_are_ones_own(void **state)
{
  (void)state;
  fmp_plan *plan = plan_smooth_and_noise();
  pthread_t threads[THREADS];
  struct worker workers[THREADS];
  for (int i = 0; i < THREADS; i++) {
    workers[i] = (struct worker){.number = i, .plan = plan};
    assert_int_equal(pthread_create(&threads[i], NULL, draw_twice, &workers[i]), 0);
  }
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  for (int i = 0; i < THREADS; i++) assert_string_equal(workers[i].complaint, "");
  fmp_plan_release(plan);
}

/* Each thread trains a model of its own: recordings belong to the thread. */
static void *train(void *arg)
{
  struct worker *w = arg;
  model own;
  float want[ROWS];
  if (model_new(&own) != FMP_OK) return complain(w, "model"), NULL;
  fmp_tensor *x = input(w, 0, want), *target = NULL, *loss = NULL;
  const fmp_spec spec = matrix_spec(FMP_F32, ROWS, 1);
  int good = x && fmp_tensor_from(NULL, &spec, want, sizeof want, &target) == FMP_OK;
  for (int i = 0; i < 10 && good; i++) {
    good = model_step(&own, x, target, &loss) == FMP_OK;
    fmp_tensor_release(loss);
  }
  if (!good) complain(w, "step");
  drop(2, x, target);
  model_free(&own);
  return NULL;
}

static void four_models(void **state)
{
  (void)state;
  pthread_t threads[THREADS];
  struct worker workers[THREADS];
  for (int i = 0; i < THREADS; i++) {
    workers[i] = (struct worker){.number = i};
    assert_int_equal(pthread_create(&threads[i], NULL, train, &workers[i]), 0);
  }
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  for (int i = 0; i < THREADS; i++) assert_string_equal(workers[i].complaint, "");
}

/* Tensors that one thread made are released by others, which then make their own, perhaps in the
 * same memory. */
enum { EACH = 50 };
static fmp_tensor *handed_over[THREADS][EACH];

static void *let_go(void *arg)
{
  struct worker *w = arg;
  for (int i = 0; i < EACH; i++) {
    fmp_tensor *t = NULL;
    double value = 0;
    fmp_tensor_release(handed_over[w->number][i]);
    if (fmp_tensor_number(NULL, FMP_F32, i, &t) != FMP_OK) return complain(w, "number"), NULL;
    if (fmp_tensor_item(t, &value) != FMP_OK || value != i) complain(w, "wrong value");
    fmp_tensor_release(t);
  }
  return NULL;
}

static void made_here_and_let_go_there(void **state)
{
  (void)state;
  pthread_t threads[THREADS];
  struct worker workers[THREADS];
  const int64_t live = fmp_live_bytes(), bytes = fmp_tensor_bytes();
  for (int i = 0; i < THREADS; i++)
    for (int k = 0; k < EACH; k++) OK(fmp_tensor_number(NULL, FMP_F32, -1, &handed_over[i][k]));
  for (int i = 0; i < THREADS; i++) {
    workers[i] = (struct worker){.number = i};
    assert_int_equal(pthread_create(&threads[i], NULL, let_go, &workers[i]), 0);
  }
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  for (int i = 0; i < THREADS; i++) assert_string_equal(workers[i].complaint, "");
  assert_int_equal(fmp_live_bytes(), live);
  assert_int_equal(fmp_tensor_bytes(), bytes);
}

/* A convolution of ones with ones: 32 times the input, which is all one number. */
enum { IMAGE = 8 * 8 * 8, CONVOLVED = 7 * 7 * 4, CONVOLUTIONS = 3000 };

static fmp_tensor *filled(uint32_t rank, const int64_t *shape, int n, float value)
{
  static _Thread_local float values[IMAGE];
  const fmp_spec spec = spec_of(FMP_F32, rank, shape);
  fmp_tensor *t = NULL;
  for (int i = 0; i < n; i++) values[i] = value;
  return fmp_tensor_from(NULL, &spec, values, n * (int64_t)sizeof(float), &t) == FMP_OK ? t : NULL;
}

static int convolved_rightly(struct worker *w, fmp_instance *instance, int round)
{
  float got[CONVOLVED];
  const float value = (float)(w->number * CONVOLUTIONS + round);
  fmp_tensor *x = filled(4, (const int64_t[]){1, 8, 8, 8}, IMAGE, value), *y = NULL;
  int good = x && fmp_instance_run(instance, &x, 1, &y, 1) == FMP_OK &&
             fmp_tensor_read(y, got, sizeof got) == FMP_OK;
  if (!good) complain(w, "run");
  for (int i = 0; i < CONVOLVED && good; i++)
    if (got[i] != 32 * value) good = complain(w, "wrong value");
  drop(2, x, y);
  return good;
}

static void *convolve(void *arg)
{
  struct worker *w = arg;
  fmp_instance *instance = NULL;
  if (fmp_instance_new(w->plan, 1, &instance) != FMP_OK) return complain(w, "instance"), NULL;
  for (int round = 0; round < CONVOLUTIONS && convolved_rightly(w, instance, round); round++)
    continue;
  fmp_instance_release(instance);
  return NULL;
}

/* What a kernel has prepared belongs to the plan: all four use it at the same time. */
static void one_prepared_convolution(void **state)
{
  (void)state;
  const fmp_spec spec = spec_of(FMP_F32, 4, (const int64_t[]){1, 8, 8, 8});
  const fmp_attr valid = fmp_attr_string("padding", "valid");
  fmp_tensor *ones = filled(4, (const int64_t[]){4, 2, 2, 8}, 4 * 2 * 2 * 8, 1), *x = NULL;
  fmp_graph *g = NULL;
  fmp_plan *plan = NULL;
  pthread_t threads[THREADS];
  struct worker workers[THREADS];
  OK(fmp_trace_begin(NULL, &spec, 1, 0, &x));
  fmp_tensor *y = call_with("conv2d", &valid, 1, 2, x, ones);
  OK(fmp_trace_end(&y, 1, &g));
  OK(fmp_plan_new(g, NULL, 0, 0, &plan));
  for (int i = 0; i < THREADS; i++) {
    workers[i] = (struct worker){.number = i, .plan = plan};
    assert_int_equal(pthread_create(&threads[i], NULL, convolve, &workers[i]), 0);
  }
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  for (int i = 0; i < THREADS; i++) assert_string_equal(workers[i].complaint, "");
  fmp_plan_release(plan);
  fmp_graph_release(g);
  drop(3, ones, x, y);
}

int main(void)
{
  setenv("OMP_NUM_THREADS", "1", 1); /* OpenMP's own threads are out of the sanitizers' sight */
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(one_plan_four_instances),
      cmocka_unit_test(scratch_and_draws_are_ones_own),
      cmocka_unit_test(four_models),
      cmocka_unit_test(made_here_and_let_go_there),
      cmocka_unit_test(one_prepared_convolution),
  };
  return cmocka_run_group_tests(tests, load_sdk_plugin, NULL);
}
