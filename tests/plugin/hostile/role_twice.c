/* SPDX-License-Identifier: Apache-2.0
 * Claims a role that another op has: the first claim stands. Nothing could run this one,
 * so gradients that add up would fail if it were taken. */
#include "hostile.h"

static fmp_status load(const fmp_host *h, fmp_registry *r)
{
  fmp_op_def def = plain_op("hostile_accumulate");
  def.schema = "(a, b) -> (y)";
  def.role = FMP_ROLE_ACCUMULATE;
  return h->add_op(r, &def);
}

FMP_PLUGIN("role_twice", "1.0", "wants to be add", load);
