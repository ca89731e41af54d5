/* SPDX-License-Identifier: Apache-2.0
 * A newer, longer definition that uses a field which this engine does not know. */
#include "hostile.h"

static fmp_status load(const fmp_host *h, fmp_registry *r)
{
  struct {
    fmp_op_def def;
    uint64_t newer[2];
  } longer = {plain_op("hostile_tail_nonzero"), {0, 1}};
  longer.def.struct_size = sizeof longer;
  return h->add_op(r, &longer.def);
}

FMP_PLUGIN("tail_nonzero", "1.0", "from the future", load);
