/* SPDX-License-Identifier: Apache-2.0
 * The first plugin of its name, whose gradient needs an op of a plugin that comes later. */
#include "hostile.h"

static fmp_status gradient(const fmp_gradient_args *a)
{
  (void)a;
  return FMP_OK;
}

static fmp_status load(const fmp_host *h, fmp_registry *r)
{
  fmp_op_def def = plain_op("hostile_override_first");
  def.gradient = gradient;
  def.gradient_ops = "hostile_override_needed";
  return h->add_op(r, &def);
}

FMP_PLUGIN("override", "1.0", "the first of its name", load);
