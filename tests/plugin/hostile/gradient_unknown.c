/* SPDX-License-Identifier: Apache-2.0
 * Its gradient would emit an op that no plugin has. */
#include "hostile.h"

static fmp_status gradient(const fmp_gradient_args *a)
{
  (void)a;
  return FMP_OK;
}

static fmp_status load(const fmp_host *h, fmp_registry *r)
{
  fmp_op_def def = plain_op("hostile_gradient");
  def.gradient = gradient;
  def.gradient_ops = "hostile_gradient hostile_nobody_has_this";
  return h->add_op(r, &def);
}

FMP_PLUGIN("gradient_unknown", "1.0", "a gradient out of nothing", load);
