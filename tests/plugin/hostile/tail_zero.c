/* SPDX-License-Identifier: Apache-2.0
 * A newer, longer definition that leaves what this engine does not know at zero. */
#include "hostile.h"

static fmp_status load(const fmp_host *h, fmp_registry *r)
{
  struct {
    fmp_op_def def;
    uint64_t newer[2];
  } longer = {plain_op("hostile_tail_zero"), {0, 0}};
  longer.def.struct_size = sizeof longer;
  return h->add_op(r, &longer.def);
}

FMP_PLUGIN("tail_zero", "1.0", "from the future, politely", load);
