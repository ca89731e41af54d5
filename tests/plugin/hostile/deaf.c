/* SPDX-License-Identifier: Apache-2.0
 * Ignores that its second op was refused, and claims success: the engine must not. */
#include "hostile.h"

static fmp_status load(const fmp_host *h, fmp_registry *r)
{
  const fmp_op_def good = plain_op("hostile_deaf");
  fmp_op_def bad = plain_op("hostile_deaf_bad");
  bad.schema = "not a schema";
  (void)h->add_op(r, &good);
  (void)h->add_op(r, &bad);
  return FMP_OK;
}

FMP_PLUGIN("deaf", "1.0", "does not listen", load);
