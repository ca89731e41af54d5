/* SPDX-License-Identifier: Apache-2.0
 * sdk_increment: adds a number to a tensor where it lies. */
#include "sdk.h"

struct increment_params {
  double by;
};

static fmp_status infer(const fmp_host *h, const void *params, const fmp_spec *in, uint32_t n_in,
                        fmp_spec *out, uint32_t n_out)
{
  (void)params, (void)n_in, (void)out, (void)n_out;
  return fmp_check_dtype(h, "x", &in[0], FMP_BIT(FMP_F32), "f32");
}

static fmp_status run(const fmp_call *call)
{
  const struct increment_params *p = call->params;
  const int64_t n = fmp_view_size(&call->in[0]);
  float *x = call->in[0].data;
  for (int64_t i = 0; i < n; i++) x[i] += (float)p->by;
  return FMP_OK;
}

fmp_status increment_register(const fmp_host *h, fmp_registry *r)
{
  static const fmp_attr_def attrs[] = {
      FMP_ATTR(struct increment_params, by, FMP_ATTR_F64, "1", NULL, "what to add")};
  static const fmp_op_def op = {.struct_size = sizeof op,
                                .name = "sdk_increment",
                                .schema = "(x!) -> ()",
                                .doc = "Adds a number to each element of x, in place.",
                                .version = 1,
                                .flags = FMP_OP_EFFECT,
                                .attrs = attrs,
                                .n_attr = 1,
                                .attr_size = sizeof(fmp_attr_def),
                                .params_size = sizeof(struct increment_params),
                                .infer = infer};
  static const fmp_kernel_def kernel = {.struct_size = sizeof kernel,
                                        .op = "sdk_increment",
                                        .backend = "cpu",
                                        .name = "ref",
                                        .dtypes = FMP_BIT(FMP_F32),
                                        .run = run};
  FMP_TRY(h->add_op(r, &op));
  return h->add_kernel(r, &kernel);
}
