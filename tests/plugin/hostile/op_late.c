/* SPDX-License-Identifier: Apache-2.0
 * The op for which kernel_early.c has a kernel. */
#include "hostile.h"

static fmp_status load(const fmp_host *h, fmp_registry *r)
{
  const fmp_op_def def = plain_op("hostile_late");
  return h->add_op(r, &def);
}

FMP_PLUGIN("op_late", "1.0", "an op after its kernel", load);
