/* SPDX-License-Identifier: Apache-2.0
 * Adds the same op twice. */
#include "hostile.h"

static fmp_status load(const fmp_host *h, fmp_registry *r)
{
  const fmp_op_def def = plain_op("hostile_twin");
  FMP_TRY(h->add_op(r, &def));
  return h->add_op(r, &def);
}

FMP_PLUGIN("duplicate_self", "1.0", "one op twice", load);
