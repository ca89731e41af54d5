/* SPDX-License-Identifier: Apache-2.0
 * "Any function may be called from any thread": all of api.h from several threads at once, while
 * one more changes all that they share: which kernel is chosen, what is measured, the plugins. For
 * the thread sanitizer above all; values are checked, too. */
#define _POSIX_C_SOURCE 200809L /* setenv */
#include "model.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS = 4, ROUNDS = 40, ROWS = 3 };

/* What all threads use. */
static fmp_plan *plan;
static fmp_resource *counter;
static model shared;
static atomic_int working; /* threads that are not done yet */

struct worker {
  int number, round;
  char complaint[256]; /* "": none */
};

/* TRY(worker, call): an interrupt may end any of them; another failure is noted. */
#define TRY(w, expression)                   \
  do {                                       \
    const fmp_status status_ = (expression); \
    if (status_ == FMP_EINTERRUPTED) return; \
    if (status_ != FMP_OK) {                 \
      complain(w, #expression);              \
      return;                                \
    }                                        \
  } while (0)
#define CHECK(w, condition)                    \
  do {                                         \
    if (!(condition)) complain(w, #condition); \
  } while (0)

static void complain(struct worker *w, const char *what)
{
  if (!w->complaint[0])
    snprintf(w->complaint, sizeof w->complaint, "thread %d, round %d: %.100s: %.100s", w->number,
             w->round, what, fmp_last_error());
}

/* -- asking ---------------------------------------------------------------- */

static void look_at_ops(struct worker *w)
{
  fmp_op_info info = {.struct_size = sizeof info};
  fmp_arg_info arg = {.struct_size = sizeof arg};
  fmp_attr_info attr = {.struct_size = sizeof attr};
  const fmp_op *found = NULL;
  CHECK(w, fmp_op_count() > 20);
  for (int32_t i = 0; fmp_op_at(i); i++) {
    fmp_op_describe(fmp_op_at(i), &info);
    TRY(w, fmp_op_find(info.name, &found));
    CHECK(w, found == fmp_op_at(i));
    for (int32_t k = 0; k < info.n_in; k++) TRY(w, fmp_op_input(found, k, &arg));
    for (int32_t k = 0; k < info.n_out; k++) TRY(w, fmp_op_output(found, k, &arg));
    for (int32_t k = 0; k < info.n_attr; k++) TRY(w, fmp_op_attr(found, k, &attr));
    CHECK(w, fmp_op_kernels(found) != NULL);
  }
}

static void look_at_the_rest(struct worker *w)
{
  fmp_plugin_info plugin = {.struct_size = sizeof plugin};
  fmp_resource_info kind = {.struct_size = sizeof kind};
  fmp_attr_info attr = {.struct_size = sizeof attr};
  uint32_t dtype = 0;
  char text[FMP_SPEC_TEXT];
  const fmp_spec spec = {.dtype = FMP_F32};
  for (int32_t i = fmp_plugin_count(); i-- > 0;) TRY(w, fmp_plugin_get(i, &plugin));
  for (int32_t i = fmp_resource_kinds(); i-- > 0;) {
    TRY(w, fmp_resource_describe(i, &kind));
    for (int32_t k = 0; k < kind.n_attr; k++) TRY(w, fmp_resource_attr(i, k, &attr));
  }
  TRY(w, fmp_dtype_find("bf16", &dtype));
  CHECK(w, fmp_dtype_size(dtype) == 2 && strcmp(fmp_dtype_name(dtype), "bf16") == 0);
  CHECK(w, strcmp(fmp_spec_text(&spec, text), "f32 []") == 0);
  CHECK(w, strcmp(fmp_status_name(FMP_END), "FMP_END") == 0 && *fmp_version());
  CHECK(w, strstr(fmp_device_list(), "cpu") && fmp_live_bytes() > 0 && fmp_tensor_bytes() > 0);
}

static void fail_somehow(struct worker *w)
{
  char name[32];
  const fmp_op *none;
  snprintf(name, sizeof name, "no_such_op_%d", w->number);
  CHECK(w, fmp_op_find(name, &none) == FMP_ENOTFOUND && strstr(fmp_last_error(), name));
}

static void use_devices(struct worker *w)
{
  fmp_device *cpu = NULL, *now = NULL;
  int32_t threads = 0;
  TRY(w, fmp_device_find("cpu:0", &cpu));
  TRY(w, fmp_device_set_default(cpu));
  TRY(w, fmp_device_default(&now));
  TRY(w, fmp_device_threads(cpu, 0, &threads));
  TRY(w, fmp_device_wait(cpu));
  CHECK(w, now == cpu && threads >= 1 && strcmp(fmp_device_name(cpu), "cpu:0") == 0);
}

/* -- working --------------------------------------------------------------- */

static void use_tensor(struct worker *w, fmp_tensor *t, fmp_tensor **copy)
{
  fmp_spec spec = {0};
  float number = 0;
  double value = 0;
  fmp_device *null = NULL;
  TRY(w, fmp_tensor_set_name(t, "t"));
  fmp_tensor_set_parameter(t, 1);
  fmp_tensor_spec(t, &spec);
  CHECK(w, spec.rank == 0 && fmp_tensor_is_parameter(t) && strcmp(fmp_tensor_name(t), "t") == 0);
  number = (float)w->number;
  TRY(w, fmp_tensor_write(t, &number, sizeof number));
  TRY(w, fmp_tensor_read(t, &number, sizeof number));
  TRY(w, fmp_tensor_item(t, &value));
  fmp_items *items = NULL;
  TRY(w, fmp_items_read(&t, 1, &items));
  TRY(w, fmp_items_wait(items, &value));
  fmp_items_release(items);
  TRY(w, fmp_to_doubles(FMP_F64, &value, 1, &value));
  TRY(w, fmp_device_find("null", &null));
  TRY(w, fmp_tensor_to(t, null, copy));
  CHECK(w, value == w->number && fmp_tensor_device(*copy) == null);
  fmp_tensor_empty(t);
  CHECK(w, fmp_tensor_state(t) == 2 && fmp_tensor_state(*copy) == 0);
}

static void use_tensors(struct worker *w)
{
  const fmp_spec spec = {.dtype = FMP_F32};
  fmp_tensor *t = NULL, *from = NULL, *copy = NULL;
  const float number = 1;
  TRY(w, fmp_tensor_new(NULL, &spec, &t));
  use_tensor(w, t, &copy);
  if (fmp_tensor_from(NULL, &spec, &number, sizeof number, &from) == FMP_OK)
    fmp_tensor_release(fmp_tensor_retain(from));
  drop(3, t, from, copy);
}

static void record(struct worker *w)
{
  fmp_tensor *y = NULL, *x = NULL, *dx = NULL, *parameter = NULL;
  int32_t n = 0;
  fmp_random_seed((uint64_t)w->number);
  uint64_t seed = 0, step = 0;
  fmp_random_get(&seed, &step);
  CHECK(w, seed == (uint64_t)w->number && step == 0);
  fmp_random_set(seed, step);
  TRY(w, fmp_tensor_constant(NULL, FMP_F32, 3, &x));
  fmp_tensor_release(x);
  TRY(w, fmp_tensor_number(NULL, FMP_F32, 3, &x));
  fmp_tensor_set_parameter(x, 1);
  fmp_status status = fmp_scope_push("a");
  if (status == FMP_OK) status = fmp_record_begin();
  if (status == FMP_OK) status = fmp_outside_begin();
  CHECK(w, fmp_mode() == 0 && strcmp(fmp_scope_path(), "a") == 0);
  fmp_outside_end();
  if (status == FMP_OK) status = fmp_emit(op("square"), NULL, 0, &x, 1, &y, 1);
  if (status == FMP_OK) status = fmp_parameters_of(y, &parameter, 1, &n);
  if (status == FMP_OK) status = fmp_gradients(y, &x, 1, &dx);
  fmp_record_end(&dx, dx != NULL);
  fmp_scope_pop();
  double value = 6;
  if (status == FMP_OK) status = fmp_tensor_item(dx, &value);
  drop(3, x, y, dx);
  CHECK(w, value == 6);
  TRY(w, status);
}

static fmp_status trace(fmp_graph **g)
{
  const fmp_spec spec = matrix_spec(FMP_F32, ROWS, 2);
  fmp_tensor *x = NULL, *y = NULL;
  fmp_status status = fmp_trace_begin(NULL, &spec, 1, 0, &x);
  if (status != FMP_OK) return status;
  status = model_forward(&shared, x, &y);
  if (status == FMP_OK)
    status = fmp_trace_end(&y, 1, g);
  else
    fmp_trace_abort();
  drop(2, x, y);
  return status;
}

static void use_graph(struct worker *w, fmp_graph *g, fmp_graph **loaded)
{
  char name[32];
  fmp_spec spec;
  fmp_graph_retain(g);
  fmp_graph_release(g);
  CHECK(w, fmp_graph_inputs(g) == 1 && fmp_graph_outputs(g) == 1 && *fmp_graph_text(g));
  CHECK(w, fmp_graph_batch_note(g) == NULL);
  TRY(w, fmp_graph_input_spec(g, 0, &spec));
  TRY(w, fmp_graph_output_spec(g, 0, &spec));
  snprintf(name, sizeof name, "%d.safetensors", w->number);
  TRY(w, fmp_graph_save(g, scratch_path(name)));
  TRY(w, fmp_graph_load(scratch_path(name), NULL, loaded));
  TRY(w, fmp_graph_compare(g, *loaded));
  TRY(w, fmp_graph_set_batch_note(*loaded, "so it is"));
}

static void use_plan(struct worker *w, fmp_plan *p)
{
  float values[2 * ROWS], want[ROWS], got[ROWS];
  const fmp_spec spec = matrix_spec(FMP_F32, ROWS, 2);
  fmp_instance *instance = NULL;
  fmp_tensor *x = NULL, *y = NULL;
  for (int i = 0; i < 2 * ROWS; i++) values[i] = (float)((w->number * 7 + w->round * 3 + i) % 11);
  model_expect(values, ROWS, want);
  fmp_status status = fmp_instance_new(p, 1, &instance);
  if (status == FMP_OK) status = fmp_tensor_from(NULL, &spec, values, sizeof values, &x);
  if (status == FMP_OK) status = fmp_instance_run(instance, &x, 1, &y, 1);
  if (status == FMP_OK) status = fmp_tensor_read(y, got, sizeof got);
  for (int i = 0; i < ROWS && status == FMP_OK; i++) CHECK(w, fabsf(got[i] - want[i]) < 1e-4F);
  fmp_instance_release(instance);
  drop(2, x, y);
  TRY(w, status);
}

static void use_graphs(struct worker *w)
{
  fmp_graph *g = NULL, *loaded = NULL;
  fmp_plan *p = NULL;
  fmp_status status = trace(&g);
  if (status == FMP_OK) use_graph(w, g, &loaded);
  if (status == FMP_OK) status = fmp_plan_new(loaded ? loaded : g, NULL, 0, 0, &p);
  if (status == FMP_OK) {
    fmp_plan_retain(p);
    fmp_plan_release(p);
    CHECK(w, fmp_plan_nodes(p) > 0 && fmp_plan_arena_bytes(p) >= 0 && *fmp_plan_text(p));
    use_plan(w, p);
  }
  fmp_plan_release(p);
  fmp_graph_release(loaded);
  fmp_graph_release(g);
  TRY(w, status);
}

/* Others clear meanwhile: what is found is whole, or nothing is found. */
static void look_at_profile(struct worker *w)
{
  fmp_profile_node node = {.struct_size = sizeof node};
  for (int32_t p = fmp_profile_plans(); p-- > 0;)
    for (int32_t i = -1; fmp_profile_get(p, i, &node) == FMP_OK; i++)
      CHECK(w, node.runs >= 0 && node.seconds >= 0 && strlen(node.scope) + strlen(node.op) < 100);
}

static void use_resource(struct worker *w)
{
  const void *bytes = NULL;
  int64_t n = 0, number;
  fmp_resource *own = NULL;
  TRY(w, fmp_resource_save(fmp_resource_retain(counter), &bytes, &n));
  fmp_resource_release(counter);
  CHECK(w, n == sizeof number && strcmp(fmp_resource_name(counter), "sdk_counter") == 0);
  memcpy(&number, bytes, sizeof number);
  CHECK(w, number == 4711);
  TRY(w, fmp_resource_restore(counter, &number, sizeof number));
  TRY(w, fmp_resource_open("sdk_counter", NULL, 0, &own));
  fmp_resource_release(own);
}

static void fail_allocations(struct worker *w)
{
  const fmp_spec spec = {.dtype = FMP_F32};
  fmp_tensor *t = NULL;
  fmp_fail_allocation(0);
  CHECK(w, fmp_tensor_new(NULL, &spec, &t) == FMP_ENOMEM && fmp_allocation_count() > 0);
  fmp_fail_allocation(-1);
}

static void run_shared_plan(struct worker *w) { use_plan(w, plan); }

static void *work(void *arg)
{
  static void (*const parts[])(struct worker *) = {
      look_at_ops,  look_at_the_rest, fail_somehow,    use_devices,
      use_tensors,  record,           use_graphs,      run_shared_plan,
      use_resource, fail_allocations, run_shared_plan, look_at_profile,
  };
  enum { PARTS = sizeof parts / sizeof parts[0] };
  struct worker *w = arg;
  for (w->round = 0; w->round < ROUNDS && !w->complaint[0]; w->round++)
    for (int i = 0; i < PARTS; i++) parts[(i + w->number * 3) % PARTS](w);
  atomic_fetch_sub(&working, 1);
  return NULL;
}

/* -- what changes meanwhile ------------------------------------------------ */

static void load_plugins_again(int round)
{
  static const char *const names[] = {"op_late", "scanned", "role_twice", "load_half", "tail_zero"};
  char path[512];
  int32_t loaded;
  snprintf(path, sizeof path, FMP_TEST_PLUGINS "/hostile/fmp_%s.so", names[round % 5]);
  fmp_plugin_load(path); /* some are refused */
  fmp_plugin_load_default();
  fmp_plugin_scan(FMP_TEST_PLUGINS "/sdk", &loaded);
}

static void change(int round)
{
  fmp_device *cpu = NULL;
  int32_t now;
  fmp_log_level(0);
  fmp_profile(1);
  fmp_kernel_force(round % 3 == 0 ? "ref" : NULL);
  fmp_autotune(round % 2 ? "" : NULL);
  fmp_kernel_explain(0);
  if (fmp_device_find("cpu", &cpu) == FMP_OK) fmp_device_threads(cpu, 1 + round % 2, &now);
  load_plugins_again(round);
  fmp_profile_clear();
  fmp_profile(round % 2);
  if (round % 8 == 0) fmp_interrupt();
  fmp_interrupt_clear();
}

static void all_at_once(void **state)
{
  (void)state;
  pthread_t threads[THREADS];
  struct worker workers[THREADS];
  atomic_store(&working, THREADS);
  for (int i = 0; i < THREADS; i++) {
    workers[i] = (struct worker){.number = i};
    assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
  }
  for (int round = 0; atomic_load(&working) > 0; round++) change(round);
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  for (int i = 0; i < THREADS; i++) assert_string_equal(workers[i].complaint, "");
  fmp_profile(0);
  fmp_profile_clear();
  OK(fmp_autotune(NULL));
  OK(fmp_kernel_force(NULL));
}

static void none_is_left_out(void **state)
{
  (void)state;
  expect_all_functions("threads_api_test.c", " fmp_shutdown "); /* when all others have ended */
}

static int start(void **state)
{
  const fmp_attr first = fmp_attr_i64("start", 4711);
  fmp_graph *g = NULL;
  scratch_path(""); /* makes the directory */
  if (load_sdk_plugin(state) != 0 || model_new(&shared) != FMP_OK || trace(&g) != FMP_OK) return -1;
  if (fmp_plan_new(g, NULL, 0, 0, &plan) != FMP_OK) return -1;
  fmp_graph_release(g);
  return fmp_resource_open("sdk_counter", &first, 1, &counter) == FMP_OK ? 0 : -1;
}

static int end(void **state)
{
  (void)state;
  fmp_plan_release(plan);
  fmp_resource_release(counter);
  model_free(&shared);
  return 0;
}

int main(void)
{
  setenv("OMP_NUM_THREADS", "1", 1); /* OpenMP's own threads are out of the sanitizers' sight */
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(all_at_once),
      cmocka_unit_test(none_is_left_out),
  };
  return cmocka_run_group_tests(tests, start, end);
}
