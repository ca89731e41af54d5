/* SPDX-License-Identifier: Apache-2.0
 * The good one among bad ones in a directory that is scanned. */
#include "hostile.h"

static fmp_status load(const fmp_host *h, fmp_registry *r)
{
  const fmp_op_def def = plain_op("hostile_scanned");
  return h->add_op(r, &def);
}

FMP_PLUGIN("scanned", "1.0", "nothing wrong with it", load);
