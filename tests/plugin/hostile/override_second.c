/* SPDX-License-Identifier: Apache-2.0
 * A second plugin of the name of override_first.c, which needs nothing. */
#include "hostile.h"

static fmp_status load(const fmp_host *h, fmp_registry *r)
{
  const fmp_op_def def = plain_op("hostile_override_second");
  return h->add_op(r, &def);
}

FMP_PLUGIN("override", "1.0", "the second of its name", load);
