/* SPDX-License-Identifier: Apache-2.0
 * Adds an op that another plugin (short_infer.c) has. */
#include "hostile.h"

static fmp_status load(const fmp_host *h, fmp_registry *r)
{
  const fmp_op_def fresh = plain_op("hostile_fresh"), taken = plain_op("hostile_short_infer");
  FMP_TRY(h->add_op(r, &fresh));
  return h->add_op(r, &taken);
}

FMP_PLUGIN("duplicate_op", "1.0", "an op that there is already", load);
