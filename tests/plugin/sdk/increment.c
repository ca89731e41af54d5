/* SPDX-License-Identifier: Apache-2.0
 * sdk_increment: adds a number to a tensor where it lies. */
#include "sdk.h"

struct increment_params {
  double by;
};

static fmp_status infer(const fmp_infer_args *args)
{
  return fmp_check_dtype(args->host, "x", &args->in[0], FMP_BIT(FMP_F32), "f32");
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
                                FMP_PARAMS(struct increment_params, attrs),
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
