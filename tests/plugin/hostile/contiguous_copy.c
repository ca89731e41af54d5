/* SPDX-License-Identifier: Apache-2.0
 * A kernel for the op that makes strided tensors contiguous, which wants them contiguous. */
#include "hostile.h"

static fmp_status run(const fmp_call *call)
{
  (void)call;
  return FMP_OK;
}

static fmp_status load(const fmp_host *h, fmp_registry *r)
{
  const fmp_kernel_def kernel = {.struct_size = sizeof kernel,
                                 .op = "copy",
                                 .backend = "cpu",
                                 .name = "contiguous",
                                 .dtypes = FMP_ANY_DTYPE,
                                 .priority = 1000000,
                                 .run = run};
  return h->add_kernel(r, &kernel);
}

FMP_PLUGIN("contiguous_copy", "1.0", "wants what it is to make", load);
