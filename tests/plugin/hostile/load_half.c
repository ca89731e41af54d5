/* SPDX-License-Identifier: Apache-2.0
 * Adds one of each kind, a kernel for another plugin's op among them, then fails: nothing
 * of it may stay. */
#include "hostile.h"

static fmp_status run(const fmp_call *call) { return call->host->fail(FMP_EDEVICE, "half ran"); }

static fmp_status open_half(const fmp_resource_args *a, void **state)
{
  (void)a;
  *state = NULL;
  return FMP_OK;
}

static void close_half(const fmp_resource_args *a) { (void)a; }

static fmp_status open_device(const fmp_device_args *a, void **device)
{
  (void)a;
  *device = NULL;
  return FMP_OK;
}

static fmp_status alloc(const fmp_memory_args *a, void **memory)
{
  (void)a, (void)memory;
  return FMP_ENOMEM;
}

static void free_nothing(const fmp_memory_args *a) { (void)a; }

static fmp_status copy(const fmp_copy_args *a)
{
  (void)a;
  return FMP_EDEVICE;
}

/* Were it to stay, every relu would fail at the next plan. */
static fmp_status spoil(const fmp_rewrite_args *a)
{
  return a->host->fail(FMP_EUNSUPPORTED, "half a rewrite ran");
}

static fmp_status add_all(const fmp_host *h, fmp_registry *r)
{
  const fmp_op_def op = plain_op("hostile_half");
  const fmp_kernel_def kernel = {.struct_size = sizeof kernel,
                                 .op = "relu",
                                 .backend = "cpu",
                                 .name = "half",
                                 .dtypes = FMP_ANY_DTYPE,
                                 .priority = 1000000,
                                 .run = run};
  const fmp_backend_def backend = {.struct_size = sizeof backend,
                                   .name = "hostile_half",
                                   .open = open_device,
                                   .alloc = alloc,
                                   .free = free_nothing,
                                   .copy = copy};
  const fmp_resource_def resource = {.struct_size = sizeof resource,
                                     .name = "hostile_half",
                                     .open = open_half,
                                     .close = close_half};
  const fmp_rewrite_def rewrite = {
      .struct_size = sizeof rewrite, .name = "hostile_half", .chain = "relu", .emit = spoil};
  FMP_TRY(h->add_op(r, &op));
  FMP_TRY(h->add_kernel(r, &kernel));
  FMP_TRY(h->add_backend(r, &backend));
  FMP_TRY(h->add_resource(r, &resource));
  return h->add_rewrite(r, &rewrite);
}

static fmp_status load(const fmp_host *h, fmp_registry *r)
{
  FMP_TRY(add_all(h, r));
  return h->fail(FMP_ENOMEM, "half of it was enough");
}

FMP_PLUGIN("load_half", "1.0", "fails half-way", load);
