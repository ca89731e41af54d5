/* SPDX-License-Identifier: Apache-2.0
 *
 * copy: y = x, contiguous. It has the role by which the engine makes views contiguous. */
#include "strided.h"
#include "../array.h"

static fmp_status infer(const fmp_infer_args *args)
{
  *args->out = *args->in;
  return FMP_OK;
}

/* dx = dy */
static fmp_status gradient(const fmp_gradient_args *args)
{
  const fmp_host *h = args->host;
  h->grad_set(args->builder, 0, h->grad_dout(args->builder, 0));
  return FMP_OK;
}

static fmp_status run(const fmp_call *call)
{
  const fmp_view *x = &call->in[0], *y = &call->out[0];
  return strided_run(call, x, y->data, y->strides, x->data, x->strides);
}

static const fmp_op_def def = {
    .struct_size = sizeof(fmp_op_def),
    .name = "copy",
    .schema = "(x) -> (y)",
    .doc = "A copy in memory of its own.\ny = x, contiguous, whatever x's strides.",
    .version = 1,
    .role = FMP_ROLE_COPY,
    .infer = infer,
    .gradient = gradient,
    .gradient_ops = "",
};

static const fmp_kernel_def kernel = {
    .struct_size = sizeof(fmp_kernel_def),
    .op = "copy",
    .backend = "cpu",
    .name = "ref",
    .dtypes = FMP_ANY_DTYPE,
    .flags = FMP_KERNEL_STRIDED,
    .run = run,
};

fmp_status copy_register(const fmp_host *h, fmp_registry *r);
fmp_status copy_register(const fmp_host *h, fmp_registry *r)
{
  FMP_TRY(h->add_op(r, &def));
  return h->add_kernel(r, &kernel);
}
