/* SPDX-License-Identifier: Apache-2.0 */
#include "hostile.h"

/* Has the name of one of ours, by chance or to take its place: its file's name tells which. */
static fmp_status load(const fmp_host *h, fmp_registry *r)
{
  const fmp_op_def own = plain_op("hostile_math");
  return h->add_op(r, &own);
}

FMP_PLUGIN("math", "1.0", "a plugin's name that is taken", load);
