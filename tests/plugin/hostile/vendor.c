/* SPDX-License-Identifier: Apache-2.0
 * Names with a vendor's prefix: an op, which runs and differentiates by an op of its own, and a
 * resource. */
#include "hostile.h"

#include <string.h>

#include "fmp/kit/check.h"

static fmp_status gradient(const fmp_gradient_args *a)
{
  const fmp_value dy = a->host->grad_dout(a->builder, 0);
  if (a->host->grad_wants(a->builder, 0))
    a->host->grad_set(a->builder, 0, a->host->emit(a->builder, "acme.same_back", NULL, 0, &dy, 1));
  return FMP_OK;
}

static fmp_status run(const fmp_call *call)
{
  memcpy(call->out[0].data, call->in[0].data, (size_t)fmp_view_size(&call->out[0]) * sizeof(float));
  return FMP_OK;
}

static fmp_status add(const fmp_host *h, fmp_registry *r, const char *name, int differentiable)
{
  fmp_op_def op = plain_op(name);
  const fmp_kernel_def kernel = {.struct_size = sizeof kernel,
                                 .op = name,
                                 .backend = "cpu",
                                 .name = "ref",
                                 .dtypes = FMP_BIT(FMP_F32),
                                 .run = run};
  if (differentiable) {
    op.gradient = gradient;
    op.gradient_ops = "acme.same_back";
  }
  FMP_TRY(h->add_op(r, &op));
  return h->add_kernel(r, &kernel);
}

static fmp_status open_nothing(const fmp_resource_args *a, void **state)
{
  (void)a;
  *state = NULL;
  return FMP_OK;
}

static void close_nothing(const fmp_resource_args *a) { (void)a; }

static fmp_status load(const fmp_host *h, fmp_registry *r)
{
  const fmp_resource_def resource = {.struct_size = sizeof resource,
                                     .name = "acme.nothing",
                                     .open = open_nothing,
                                     .close = close_nothing};
  FMP_TRY(add(h, r, "acme.same", 1));
  FMP_TRY(add(h, r, "acme.same_back", 0));
  return h->add_resource(r, &resource);
}

FMP_PLUGIN("vendor", "1.0", "names with a prefix", load);
