/* SPDX-License-Identifier: Apache-2.0
 * Fails without a word. */
#include "hostile.h"

static fmp_status load(const fmp_host *h, fmp_registry *r)
{
  (void)h, (void)r;
  return FMP_EUNSUPPORTED;
}

FMP_PLUGIN("load_silent", "1.0", "fails without a text", load);
