/* SPDX-License-Identifier: Apache-2.0
 * An older, shorter definition: it ends with infer. What lies behind is not the
 * engine's to read, and is filled with what would be seen if it did. */
#include "hostile.h"

#include <string.h>

static fmp_status load(const fmp_host *h, fmp_registry *r)
{
  const size_t known = FMP_SIZE_UNTIL(fmp_op_def, infer);
  fmp_op_def def = plain_op("hostile_short_infer");
  memset((char *)&def + known, 0xA5, sizeof def - known);
  def.struct_size = known;
  return h->add_op(r, &def);
}

FMP_PLUGIN("short_infer", "1.0", "from the past", load);
