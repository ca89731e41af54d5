/* SPDX-License-Identifier: Apache-2.0
 * A good plugin of the name of gradient_unknown.c, which is refused. */
#include "hostile.h"

static fmp_status load(const fmp_host *h, fmp_registry *r)
{
  const fmp_op_def def = plain_op("hostile_namesake");
  return h->add_op(r, &def);
}

FMP_PLUGIN("gradient_unknown", "1.0", "the good one of its name", load);
