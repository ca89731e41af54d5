/* SPDX-License-Identifier: Apache-2.0
 * Handles, names and arrays that are not there, in every function of api.h that takes one: those
 * that return a status say what they needed, those that give something give nothing, the others do
 * nothing. */
#include "support.h"

#include <string.h>

/* REFUSED(call): FMP_EINVAL, "expected ...". */
#define REFUSED(call) FAILS(call, FMP_EINVAL, "expected ")

static fmp_tensor *t;

static void of_general_use(void **state)
{
  (void)state;
  uint32_t dtype = 0;
  char text[FMP_SPEC_TEXT];
  REFUSED(fmp_dtype_find(NULL, &dtype));
  assert_string_equal(fmp_spec_text(NULL, text), "nothing");
  REFUSED(fmp_plugin_load(NULL));
  REFUSED(fmp_plugin_scan(NULL, NULL));
  REFUSED(fmp_scope_push(NULL));
  assert_string_equal(fmp_scope_path(), "");
  fmp_random_get(NULL, NULL);
  OK(fmp_kernel_force(NULL)); /* the best again */
  OK(fmp_autotune(NULL));     /* priorities choose again */
}

static void ops(void **state)
{
  (void)state;
  const fmp_op *found = NULL;
  fmp_op_info info = {.struct_size = sizeof info, .name = "something"};
  fmp_arg_info arg = {.struct_size = sizeof arg};
  fmp_attr_info attr = {.struct_size = sizeof attr};
  fmp_tensor *out = NULL;
  REFUSED(fmp_op_find(NULL, &found));
  REFUSED(fmp_op_describe(NULL, &info));
  REFUSED(fmp_op_describe(op("relu"), NULL));
  REFUSED(fmp_op_input(NULL, 0, &arg));
  REFUSED(fmp_op_output(NULL, 0, &arg));
  REFUSED(fmp_op_attr(NULL, 0, &attr));
  assert_null(fmp_op_kernels(NULL));
  REFUSED(fmp_emit(NULL, NULL, 0, NULL, 0, &out, 1));
  REFUSED(fmp_emit(op("relu"), NULL, 0, NULL, 1, &out, 1));
  REFUSED(fmp_emit(op("relu"), NULL, 1, &t, 1, &out, 1));
  REFUSED(fmp_emit(op("relu"), NULL, 0, &t, 1, NULL, 1));
  const fmp_attr nameless = fmp_attr_i64(NULL, 1), stringless = fmp_attr_string("padding", NULL);
  FAILS(fmp_emit(op("relu"), &nameless, 1, &t, 1, &out, 1), FMP_ENOTFOUND, "no attribute ''");
  fmp_tensor *const none[2] = {NULL, NULL};
  FAILS(fmp_emit(op("conv2d"), &stringless, 1, none, 2, &out, 1), FMP_EINVAL, "padding");
  FAILS(fmp_emit(op("add"), NULL, 0, none, 2, &out, 1), FMP_EINVAL, "missing");
  assert_null(out);
}

static void devices(void **state)
{
  (void)state;
  fmp_device *cpu = NULL, *found = NULL;
  int32_t now = 0;
  OK(fmp_device_find("cpu", &cpu));
  OK(fmp_device_find(NULL, &found)); /* the default */
  assert_ptr_equal(found, cpu);
  assert_null(fmp_device_name(NULL));
  OK(fmp_device_set_default(NULL)); /* as at first */
  OK(fmp_device_default(&found));
  assert_ptr_equal(found, cpu);
  REFUSED(fmp_device_wait(NULL));
  REFUSED(fmp_device_threads(NULL, 0, &now));
}

static void tensors(void **state)
{
  (void)state;
  fmp_tensor *made = NULL;
  fmp_spec spec = {.dtype = FMP_F32};
  float number = 0;
  double value = 0;
  REFUSED(fmp_tensor_new(NULL, NULL, &made));
  REFUSED(fmp_tensor_from(NULL, NULL, &number, 4, &made));
  REFUSED(fmp_tensor_from(NULL, &spec, NULL, 4, &made));
  assert_null(made);
  OK(fmp_tensor_number(NULL, FMP_F32, 1, &made)); /* on the default device */
  fmp_tensor_release(made);
  assert_null(fmp_tensor_retain(NULL));
  fmp_tensor_release(NULL);
  fmp_tensor_empty(NULL);
  fmp_tensor_spec(NULL, &spec);
  assert_int_equal(spec.dtype, FMP_NONE);
  assert_null(fmp_tensor_device(NULL));
  assert_int_equal(fmp_tensor_state(NULL), 2);
  REFUSED(fmp_tensor_read(NULL, &number, 4));
  REFUSED(fmp_tensor_read(t, NULL, 4));
  REFUSED(fmp_tensor_write(NULL, &number, 4));
  REFUSED(fmp_tensor_write(t, NULL, 4));
  REFUSED(fmp_tensor_item(NULL, &value));
  OK(fmp_tensor_constant(NULL, FMP_F32, 1, &made));
  fmp_tensor_release(made);
  made = NULL;
  fmp_items *items = NULL;
  REFUSED(fmp_items_read(NULL, 1, &items));
  REFUSED(fmp_items_read(&made, 1, &items));
  REFUSED(fmp_items_read(&t, 0, &items));
  REFUSED(fmp_items_read(&t, FMP_MAX_ITEMS + 1, &items));
  REFUSED(fmp_items_wait(NULL, &value));
  OK(fmp_items_read(&t, 1, &items));
  REFUSED(fmp_items_wait(items, NULL));
  fmp_items_release(items);
  fmp_items_release(NULL);
  REFUSED(fmp_to_doubles(FMP_F32, NULL, 1, &value));
  REFUSED(fmp_to_doubles(FMP_F32, &number, 1, NULL));
  OK(fmp_to_doubles(FMP_F32, NULL, 0, NULL));
  FAILS(fmp_to_doubles(FMP_NONE, &number, 1, &value), FMP_EDTYPE, "expected a data type");
  REFUSED(fmp_tensor_to(NULL, NULL, &made));
  OK(fmp_tensor_to(t, NULL, &made));
  assert_ptr_equal(made, t);
  fmp_tensor_release(made);
  fmp_tensor_set_parameter(NULL, 1);
  assert_int_equal(fmp_tensor_is_parameter(NULL), 0);
  REFUSED(fmp_tensor_set_name(NULL, "x"));
  OK(fmp_tensor_set_name(t, NULL));
  assert_null(fmp_tensor_name(NULL));
}

static void recordings(void **state)
{
  (void)state;
  fmp_tensor *dx = NULL, *none = NULL;
  int32_t n = 0;
  OK(fmp_record_begin());
  fmp_tensor *loss = call("sum", 1, t);
  REFUSED(fmp_gradients(NULL, &t, 1, &dx));
  REFUSED(fmp_gradients(loss, NULL, 1, &dx));
  REFUSED(fmp_gradients(loss, &none, 1, &dx));
  REFUSED(fmp_gradients(loss, &t, 1, NULL));
  REFUSED(fmp_parameters_of(NULL, NULL, 0, &n));
  fmp_tensor_set_parameter(t, 1);
  OK(fmp_parameters_of(loss, NULL, 5, &n));
  assert_int_equal(n, 1);
  fmp_tensor_set_parameter(t, 0);
  fmp_record_end(NULL, 3);
  assert_int_equal(fmp_tensor_state(loss), 2);
  fmp_tensor_release(loss);
  assert_null(dx);
}

static void graphs(void **state)
{
  (void)state;
  const fmp_spec spec = vector_spec(FMP_F32, 1);
  fmp_tensor *x = NULL, *none = NULL;
  fmp_graph *g = NULL;
  fmp_spec got;
  REFUSED(fmp_trace_begin(NULL, NULL, 1, 0, &x));
  REFUSED(fmp_trace_begin(NULL, &spec, 1, 0, NULL));
  assert_int_equal(fmp_mode(), 0);
  OK(fmp_trace_begin(NULL, &spec, 1, 0, &x));
  REFUSED(fmp_trace_end(NULL, 1, &g));
  drop(1, x);
  OK(fmp_trace_begin(NULL, &spec, 1, 0, &x));
  REFUSED(fmp_trace_end(&none, 1, &g));
  drop(1, x);
  assert_int_equal(fmp_mode(), 0);
  assert_null(g);
  fmp_graph_retain(NULL);
  fmp_graph_release(NULL);
  assert_int_equal(fmp_graph_inputs(NULL), 0);
  assert_int_equal(fmp_graph_outputs(NULL), 0);
  REFUSED(fmp_graph_input_spec(NULL, 0, &got));
  REFUSED(fmp_graph_output_spec(NULL, 0, &got));
  assert_null(fmp_graph_text(NULL));
  assert_null(fmp_graph_batch_note(NULL));
  REFUSED(fmp_graph_set_batch_note(NULL, "why"));
  REFUSED(fmp_graph_compare(NULL, NULL));
  REFUSED(fmp_graph_save(NULL, scratch_path("none")));
  REFUSED(fmp_graph_load(NULL, NULL, &g));
}

static void plans(void **state)
{
  (void)state;
  const fmp_spec spec = vector_spec(FMP_F32, 1);
  fmp_tensor *x = NULL, *none = NULL, *y = NULL;
  fmp_graph *g = NULL;
  fmp_plan *plan = NULL;
  fmp_instance *instance = NULL;
  REFUSED(fmp_plan_new(NULL, NULL, 0, 0, &plan));
  fmp_plan_retain(NULL);
  fmp_plan_release(NULL);
  assert_int_equal(fmp_plan_nodes(NULL), 0);
  assert_int_equal(fmp_plan_arena_bytes(NULL), 0);
  assert_null(fmp_plan_text(NULL));
  REFUSED(fmp_instance_new(NULL, 0, &instance));
  fmp_instance_release(NULL);
  REFUSED(fmp_instance_run(NULL, &x, 1, &y, 1));
  OK(fmp_trace_begin(NULL, &spec, 1, 0, &x));
  OK(fmp_trace_end(&x, 1, &g));
  FAILS(fmp_graph_compare(g, NULL), FMP_EINVAL, "expected a second graph");
  REFUSED(fmp_graph_save(g, NULL));
  REFUSED(fmp_graph_set_batch_note(g, NULL));
  OK(fmp_plan_new(g, NULL, 0, 0, &plan));
  OK(fmp_instance_new(plan, 0, &instance));
  REFUSED(fmp_instance_run(instance, NULL, 1, &y, 1));
  REFUSED(fmp_instance_run(instance, &t, 1, NULL, 1));
  FAILS(fmp_instance_run(instance, &none, 1, &y, 1), FMP_EINVAL, "input 1 is missing");
  assert_null(y);
  fmp_instance_release(instance);
  fmp_plan_release(plan);
  fmp_graph_release(g);
  drop(1, x);
}

static void resources(void **state)
{
  (void)state;
  fmp_resource *r = NULL;
  const void *bytes = NULL;
  int64_t n = 0;
  REFUSED(fmp_resource_open(NULL, NULL, 0, &r));
  REFUSED(fmp_resource_open("sdk_counter", NULL, 1, &r));
  assert_null(fmp_resource_retain(NULL));
  fmp_resource_release(NULL);
  assert_null(fmp_resource_name(NULL));
  REFUSED(fmp_resource_save(NULL, &bytes, &n));
  REFUSED(fmp_resource_restore(NULL, "", 0));
  OK(fmp_resource_open("sdk_counter", NULL, 0, &r));
  REFUSED(fmp_resource_restore(r, NULL, 8));
  fmp_resource_release(r);
}

/* Those that take nothing that could be absent, but for where a result goes. */
static void none_is_left_out(void **state)
{
  (void)state;
  expect_all_functions("absent_test.c",
                       " fmp_version fmp_last_error fmp_status_name fmp_log_level fmp_live_bytes "
                       "fmp_tensor_bytes fmp_fail_allocation fmp_allocation_count fmp_interrupt "
                       "fmp_interrupt_clear fmp_dtype_name fmp_dtype_size fmp_plugin_load_default "
                       "fmp_plugin_count fmp_plugin_get fmp_op_count fmp_op_at fmp_kernel_explain "
                       "fmp_device_list fmp_scope_pop fmp_random_seed fmp_random_set "
                       "fmp_outside_begin fmp_outside_end fmp_trace_abort fmp_profile "
                       "fmp_profile_clear fmp_profile_plans fmp_profile_get fmp_resource_kinds "
                       "fmp_resource_describe fmp_resource_attr fmp_shutdown ");
}

static int start(void **state)
{
  if (load_sdk_plugin(state) != 0) return -1;
  t = vector(1, (const float[]){1});
  return 0;
}

static int end(void **state)
{
  (void)state;
  drop(1, t);
  return 0;
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(of_general_use),
      cmocka_unit_test(ops),
      cmocka_unit_test(devices),
      cmocka_unit_test(tensors),
      cmocka_unit_test(recordings),
      cmocka_unit_test(graphs),
      cmocka_unit_test(plans),
      cmocka_unit_test(resources),
      cmocka_unit_test(none_is_left_out),
  };
  return cmocka_run_group_tests(tests, start, end);
}
