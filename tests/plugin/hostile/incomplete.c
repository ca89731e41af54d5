/* SPDX-License-Identifier: Apache-2.0
 * Definitions that lack something required, or contain something impossible. The environment's
 * FMP_TEST_CASE names the one to try. */
#include "hostile.h"

#include <stdlib.h>
#include <string.h>

typedef fmp_status (*add_fn)(const fmp_host *h, fmp_registry *r);

static fmp_status run(const fmp_call *call)
{
  (void)call;
  return FMP_OK;
}

static fmp_kernel_def plain_kernel(void)
{
  fmp_kernel_def def = {0};
  def.struct_size = sizeof def;
  def.op = "hostile_short_infer";
  def.backend = "cpu";
  def.name = "ref";
  def.dtypes = FMP_BIT(FMP_F32);
  def.run = run;
  return def;
}

/* One line a case: which definition, and what is wrong with it. */
#define OP_CASE(name, spoil)                                 \
  static fmp_status name(const fmp_host *h, fmp_registry *r) \
  {                                                          \
    fmp_op_def def = plain_op("hostile_incomplete");         \
    spoil;                                                   \
    return h->add_op(r, &def);                               \
  }
#define KERNEL_CASE(name, spoil)                             \
  static fmp_status name(const fmp_host *h, fmp_registry *r) \
  {                                                          \
    fmp_kernel_def def = plain_kernel();                     \
    spoil;                                                   \
    return h->add_kernel(r, &def);                           \
  }

OP_CASE(op_nameless, def.name = NULL)
OP_CASE(op_empty_name, def.name = "")
OP_CASE(op_name_with_space, def.name = "two words")
OP_CASE(op_no_schema, def.schema = NULL)
OP_CASE(op_no_infer, def.infer = NULL)
OP_CASE(op_size_0, def.struct_size = 0)
OP_CASE(op_size_before_infer, def.struct_size = FMP_SIZE_UNTIL(fmp_op_def, schema))
OP_CASE(op_size_absurd, def.struct_size = SIZE_MAX)
OP_CASE(op_role_unknown, def.role = 99)
OP_CASE(op_precision_unknown, def.precision = 99)
OP_CASE(op_flags_unknown, def.flags = 1u << 30)
OP_CASE(op_oldest_too_new, def.oldest_version = 2)
OP_CASE(op_attrs_null, (def.n_attr = 3, def.params_size = 64))
KERNEL_CASE(kernel_no_op, def.op = NULL)
KERNEL_CASE(kernel_no_backend, def.backend = NULL)
KERNEL_CASE(kernel_nameless, def.name = NULL)
KERNEL_CASE(kernel_no_run, def.run = NULL)
KERNEL_CASE(kernel_size_0, def.struct_size = 0)
KERNEL_CASE(kernel_inplace_null, def.n_inplace = 2)

static fmp_status backend_empty(const fmp_host *h, fmp_registry *r)
{
  const fmp_backend_def def = {.struct_size = sizeof def, .name = "hostile_backend"};
  return h->add_backend(r, &def);
}

/* -- backends that have a part of an ability ------------------------------- */

static fmp_status open_nothing(const fmp_device_args *a, void **device)
{
  (void)a, (void)device;
  return FMP_OK;
}

static fmp_status alloc_nothing(const fmp_memory_args *a, void **memory)
{
  (void)a, (void)memory;
  return FMP_OK;
}

static void free_nothing(const fmp_memory_args *a) { (void)a; }

static fmp_status copy_nothing(const fmp_copy_args *a)
{
  (void)a;
  return FMP_OK;
}

static fmp_status wait_for_nothing(const fmp_stream_args *a)
{
  (void)a;
  return FMP_OK;
}

static fmp_status make_nothing(const fmp_event_args *a, void **event)
{
  (void)a, (void)event;
  return FMP_OK;
}

static fmp_status mark_nothing(const fmp_event_args *a)
{
  (void)a;
  return FMP_OK;
}

static void close_nothing(const fmp_event_args *a) { (void)a; }

static fmp_status begin_nothing(const fmp_capture_args *a)
{
  (void)a;
  return FMP_OK;
}

#define BACKEND_CASE(case_name, change)                           \
  static fmp_status case_name(const fmp_host *h, fmp_registry *r) \
  {                                                               \
    fmp_backend_def def = {.struct_size = sizeof def,             \
                           .name = "hostile_backend",             \
                           .open = open_nothing,                  \
                           .alloc = alloc_nothing,                \
                           .free = free_nothing,                  \
                           .copy = copy_nothing,                  \
                           .stream_wait = wait_for_nothing};      \
    change;                                                       \
    return h->add_backend(r, &def);                               \
  }

BACKEND_CASE(backend_half_events, def.event_open = make_nothing)
BACKEND_CASE(backend_events_at_once,
             (def.stream_wait = NULL, def.event_open = make_nothing,
              def.event_close = close_nothing, def.event_record = mark_nothing,
              def.event_sync = mark_nothing))
BACKEND_CASE(backend_half_pinned, def.pinned_alloc = alloc_nothing)
BACKEND_CASE(backend_half_captures, def.capture_begin = begin_nothing)

static fmp_status resource_empty(const fmp_host *h, fmp_registry *r)
{
  const fmp_resource_def def = {.struct_size = sizeof def, .name = "hostile_resource"};
  return h->add_resource(r, &def);
}

static fmp_status emit_nothing(const fmp_rewrite_args *a)
{
  (void)a;
  return FMP_OK;
}

static fmp_status rewrite_empty(const fmp_host *h, fmp_registry *r)
{
  const fmp_rewrite_def def = {.struct_size = sizeof def, .name = "hostile_rewrite", .chain = ""};
  return h->add_rewrite(r, &def);
}

static fmp_status rewrite_long(const fmp_host *h, fmp_registry *r)
{
  fmp_rewrite_def def = {.struct_size = sizeof def, .name = "hostile_rewrite"};
  def.chain = "neg neg neg neg neg neg neg neg neg";
  def.emit = emit_nothing;
  return h->add_rewrite(r, &def);
}

#define CASE(f) #f, f
static const struct {
  const char *name;
  add_fn add;
} cases[] = {
    {CASE(op_nameless)},
    {CASE(op_empty_name)},
    {CASE(op_name_with_space)},
    {CASE(op_no_schema)},
    {CASE(op_no_infer)},
    {CASE(op_size_0)},
    {CASE(op_size_before_infer)},
    {CASE(op_size_absurd)},
    {CASE(op_role_unknown)},
    {CASE(op_precision_unknown)},
    {CASE(op_flags_unknown)},
    {CASE(op_oldest_too_new)},
    {CASE(op_attrs_null)},
    {CASE(kernel_no_op)},
    {CASE(kernel_no_backend)},
    {CASE(kernel_nameless)},
    {CASE(kernel_no_run)},
    {CASE(kernel_size_0)},
    {CASE(kernel_inplace_null)},
    {CASE(backend_empty)},
    {CASE(resource_empty)},
    {CASE(rewrite_empty)},
    {CASE(rewrite_long)},
    {CASE(backend_half_events)},
    {CASE(backend_events_at_once)},
    {CASE(backend_half_pinned)},
    {CASE(backend_half_captures)},
};

static fmp_status load(const fmp_host *h, fmp_registry *r)
{
  const char *wanted = getenv("FMP_TEST_CASE");
  for (size_t i = 0; wanted && i < sizeof cases / sizeof cases[0]; i++)
    if (strcmp(cases[i].name, wanted) == 0) {
      FMP_TRY(cases[i].add(h, r));
      return h->fail(FMP_EPLUGIN, "the definition was accepted");
    }
  return h->fail(FMP_EPLUGIN, "no such case");
}

FMP_PLUGIN("incomplete", "1.0", "definitions that lack something", load);
