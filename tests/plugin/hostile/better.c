/* SPDX-License-Identifier: Apache-2.0
 * A kernel that is chosen over the existing ones, and that shows in the result: relu(x) = 7. */
#include "hostile.h"

static fmp_status run(const fmp_call *call)
{
  *(float *)call->out[0].data = 7; /* rank 0 in the test */
  return FMP_OK;
}

static fmp_status load(const fmp_host *h, fmp_registry *r)
{
  const fmp_kernel_def kernel = {.struct_size = sizeof kernel,
                                 .op = "relu",
                                 .backend = "cpu",
                                 .name = "better",
                                 .dtypes = FMP_BIT(FMP_F32),
                                 .priority = 1000000,
                                 .run = run};
  return h->add_kernel(r, &kernel);
}

FMP_PLUGIN("better", "1.0", "a kernel that comes later", load);
