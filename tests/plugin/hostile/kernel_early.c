/* SPDX-License-Identifier: Apache-2.0
 * A kernel for an op that another plugin (op_late.c) brings afterwards. */
#include "hostile.h"

#include <string.h>

static fmp_status run(const fmp_call *call)
{
  memcpy(call->out[0].data, call->in[0].data, sizeof(float)); /* rank 0 in the test */
  return FMP_OK;
}

static fmp_status load(const fmp_host *h, fmp_registry *r)
{
  const fmp_kernel_def def = {
      .struct_size = sizeof def,
      .op = "hostile_late",
      .backend = "cpu",
      .name = "early",
      .dtypes = FMP_BIT(FMP_F32),
      .run = run,
  };
  return h->add_kernel(r, &def);
}

FMP_PLUGIN("kernel_early", "1.0", "a kernel before its op", load);
