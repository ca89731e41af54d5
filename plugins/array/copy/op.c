/* SPDX-License-Identifier: Apache-2.0
 *
 * copy: y = x, contiguous. The engine's way to make a view contiguous: it takes the role. */
#include "strided.h"
#include "../array.h"

static fmp_status infer(const fmp_host *h, const void *params, const fmp_spec *in, uint32_t n_in,
                        fmp_spec *out, uint32_t n_out)
{
  (void)h, (void)params, (void)n_in, (void)n_out;
  out[0] = in[0];
  return FMP_OK;
}

static fmp_status gradient(const fmp_host *h, fmp_builder *b, const void *params)
{
  (void)params;
  if (h->grad_wants(b, 0)) h->grad_set(b, 0, h->grad_dout(b, 0));
  return FMP_OK;
}

static fmp_status run(const fmp_call *call)
{
  const fmp_view *x = &call->in[0], *y = &call->out[0];
  strided_copy c = {.target = y->data, .source = x->data};
  strided_shape(&c, x);
  for (uint32_t i = 0; i < x->rank; i++) {
    c.target_strides[i] = y->strides[i];
    c.source_strides[i] = x->strides[i];
  }
  return strided_run(call, &c);
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
