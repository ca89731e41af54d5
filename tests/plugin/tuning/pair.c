/* SPDX-License-Identifier: Apache-2.0
 * An op with two kernels that may be measured against each other: nothing takes less time. */
#include "fmp/kit/check.h"
#include "fmp/plugin.h"

static fmp_status infer(const fmp_infer_args *a)
{
  a->out[0] = a->in[0];
  return FMP_OK;
}

static fmp_status run(const fmp_call *call)
{
  (void)call;
  return FMP_OK;
}

static fmp_status add_kernel(const fmp_host *h, fmp_registry *r, const char *name, int32_t priority)
{
  const fmp_kernel_def def = {.struct_size = sizeof def,
                              .op = "test_pair",
                              .backend = "cpu",
                              .name = name,
                              .dtypes = FMP_BIT(FMP_U8),
                              .priority = priority,
                              .run = run};
  return h->add_kernel(r, &def);
}

static fmp_status load(const fmp_host *h, fmp_registry *r)
{
  const fmp_op_def def = {.struct_size = sizeof def,
                          .name = "test_pair",
                          .schema = "(x) -> (y)",
                          .doc = "Anything.",
                          .version = 1,
                          .infer = infer};
  FMP_TRY(h->add_op(r, &def));
  FMP_TRY(add_kernel(h, r, "one", 1));
  return add_kernel(h, r, "other", 2);
}

FMP_PLUGIN("pair", "1.0", "an op with two kernels", load);
