/* SPDX-License-Identifier: Apache-2.0
 * What override_first.c waits for. */
#include "hostile.h"

static fmp_status load(const fmp_host *h, fmp_registry *r)
{
  const fmp_op_def def = plain_op("hostile_override_needed");
  return h->add_op(r, &def);
}

FMP_PLUGIN("override_needed", "1.0", "needed by another", load);
