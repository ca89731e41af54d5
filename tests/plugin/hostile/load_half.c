/* SPDX-License-Identifier: Apache-2.0
 * Adds an op and a resource, then fails: neither may stay. */
#include "hostile.h"

static fmp_status load(const fmp_host *h, fmp_registry *r)
{
  const fmp_op_def def = plain_op("hostile_half");
  FMP_TRY(h->add_op(r, &def));
  return h->fail(FMP_ENOMEM, "half of it was enough");
}

FMP_PLUGIN("load_half", "1.0", "fails half-way", load);
