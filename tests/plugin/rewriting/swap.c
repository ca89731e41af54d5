/* SPDX-License-Identifier: Apache-2.0
 * Two rewrites that undo each other: |x|^2 = |x^2|, and the other way round. */
#include "fmp/plugin.h"

static fmp_status swap(const fmp_rewrite_args *a)
{
  const fmp_value x = a->host->node_in(a->builder, 0, 0),
                  y = a->host->emit_node(a->builder, 1, &x, 1);
  a->host->replace(a->builder, 0, a->host->emit_node(a->builder, 0, &y, 1));
  return FMP_OK;
}

static fmp_status load(const fmp_host *h, fmp_registry *r)
{
  fmp_rewrite_def def = {.struct_size = sizeof def,
                         .name = "test_there",
                         .chain = "abs square",
                         .phase = FMP_REWRITE_BEFORE_GRADIENTS,
                         .emit = swap};
  FMP_TRY(h->add_rewrite(r, &def));
  def.name = "test_and_back";
  def.chain = "square abs";
  return h->add_rewrite(r, &def);
}

FMP_PLUGIN("swap", "1.0", "rewrites that undo each other", load);
