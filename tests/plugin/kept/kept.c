/* SPDX-License-Identifier: Apache-2.0
 *
 * A plugin like the oldest possible one: each definition ends where ABI 1.0 lets it end, at its
 * last required field, and what lies behind in memory is garbage that nobody may read. It has one
 * of each thing, so that check.lua sees whether an engine still runs all that such a plugin brings.
 */
#include "fmp/plugin.h"

#include <stdlib.h>
#include <string.h>

/* Adds a copy of the definition that ends with `last`, with garbage behind it. */
#define ADD(function, type, last, def)                       \
  do {                                                       \
    type copy_ = (def);                                      \
    spoil(&copy_, FMP_SIZE_UNTIL(type, last), sizeof copy_); \
    FMP_TRY(h->function(r, &copy_));                         \
  } while (0)

/* struct_size is the first field of every definition. */
static void spoil(void *def, size_t known, size_t all)
{
  memset((char *)def + known, 0xA5, all - known);
  memcpy(def, &known, sizeof known);
}

/* A row of attributes up to its last required field. */
struct row {
  const char *name;
  uint32_t kind, offset, field_size, reserved;
};

struct scale_params {
  double factor;
};

static const struct row rows[] = {
    {"factor", FMP_ATTR_F64, offsetof(struct scale_params, factor), sizeof(double), 0}};

/* -- ops and kernels ------------------------------------------------------- */

static fmp_status infer(const fmp_infer_args *a)
{
  a->out[0] = a->in[0];
  return FMP_OK;
}

/* y = factor * x, f32. */
static fmp_status run(const fmp_call *call)
{
  const struct scale_params *p = call->params;
  const fmp_view *x = &call->in[0];
  int64_t n = 1;
  for (uint32_t i = 0; i < x->rank; i++) n *= x->shape[i];
  for (int64_t i = 0; i < n; i++)
    ((float *)call->out[0].data)[i] = (float)p->factor * ((const float *)x->data)[i];
  return FMP_OK;
}

static fmp_status add_ops(const fmp_host *h, fmp_registry *r)
{
  fmp_op_def op = {.name = "kept_scale",
                   .schema = "(x) -> (y)",
                   .doc = "factor x",
                   .version = 1,
                   .n_attr = 1,
                   .attr_size = sizeof(struct row),
                   .params_size = sizeof(struct scale_params),
                   .infer = infer};
  fmp_kernel_def kernel = {
      .op = "kept_scale", .backend = "cpu", .name = "ref", .dtypes = FMP_BIT(FMP_F32), .run = run};
  op.attrs = (const fmp_attr_def *)(const void *)rows;
  ADD(add_op, fmp_op_def, infer, op);
  ADD(add_kernel, fmp_kernel_def, run, kernel);
  kernel.backend = "kept";
  ADD(add_kernel, fmp_kernel_def, run, kernel);
  return FMP_OK;
}

/* -- a backend ------------------------------------------------------------- */

static fmp_status open_device(const fmp_device_args *a, void **device)
{
  (void)a;
  *device = NULL;
  return FMP_OK;
}

static fmp_status alloc_memory(const fmp_memory_args *a, void **memory)
{
  *memory = aligned_alloc(64, (a->bytes + 63) / 64 * 64);
  return *memory ? FMP_OK : a->host->fail(FMP_ENOMEM, "kept: no memory");
}

static void free_memory(const fmp_memory_args *a) { free(a->memory); }

static fmp_status copy(const fmp_copy_args *a)
{
  memcpy(a->target, a->source, a->bytes);
  return FMP_OK;
}

static fmp_status add_backend(const fmp_host *h, fmp_registry *r)
{
  const fmp_backend_def def = {.name = "kept",
                               .open = open_device,
                               .alloc = alloc_memory,
                               .free = free_memory,
                               .copy = copy};
  ADD(add_backend, fmp_backend_def, copy, def);
  return FMP_OK;
}

/* -- a resource ------------------------------------------------------------ */

static fmp_status open_nothing(const fmp_resource_args *a, void **state)
{
  (void)a;
  *state = NULL;
  return FMP_OK;
}

static void close_nothing(const fmp_resource_args *a) { (void)a; }

static fmp_status add_resource(const fmp_host *h, fmp_registry *r)
{
  const fmp_resource_def def = {
      .name = "kept_nothing", .open = open_nothing, .close = close_nothing};
  ADD(add_resource, fmp_resource_def, close, def);
  return FMP_OK;
}

/* -- a rewrite ------------------------------------------------------------- */

/* -(-x) is x. */
static fmp_status emit(const fmp_rewrite_args *a)
{
  a->host->replace(a->builder, 0, a->host->node_in(a->builder, 0, 0));
  return FMP_OK;
}

static fmp_status add_rewrite(const fmp_host *h, fmp_registry *r)
{
  const fmp_rewrite_def def = {.name = "kept_rewrite", .chain = "neg neg", .emit = emit};
  ADD(add_rewrite, fmp_rewrite_def, emit, def);
  return FMP_OK;
}

static fmp_status load(const fmp_host *h, fmp_registry *r)
{
  FMP_TRY(add_ops(h, r));
  FMP_TRY(add_backend(h, r));
  FMP_TRY(add_resource(h, r));
  return add_rewrite(h, r);
}

FMP_PLUGIN("kept", "1.0", "the least that a plugin can say", load);
