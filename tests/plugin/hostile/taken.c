/* SPDX-License-Identifier: Apache-2.0
 * Brings an op whose name a plugin of the installation has, and one of its own. */
#include "hostile.h"

static fmp_status load(const fmp_host *h, fmp_registry *r)
{
  const fmp_op_def taken = plain_op("relu"), own = plain_op("hostile_own");
  FMP_TRY(h->add_op(r, &taken));
  return h->add_op(r, &own);
}

FMP_PLUGIN("taken", "1.0", "a name that is taken", load);
