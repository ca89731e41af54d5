/* SPDX-License-Identifier: Apache-2.0
 *
 * A plugin as a third party writes it, with one of each thing that a plugin can bring:
 * an op with a gradient, a kernel with prepared state and scratch memory, a random op,
 * a resource with an op on it, a resource that another plugin's queue reads from, rewrites,
 * and an op that writes its input.
 */
#include "sdk.h"

static fmp_status load(const fmp_host *h, fmp_registry *r)
{
  FMP_TRY(cube_register(h, r));
  FMP_TRY(smooth_register(h, r));
  FMP_TRY(noise_register(h, r));
  FMP_TRY(counter_register(h, r));
  FMP_TRY(rewrite_register(h, r));
  FMP_TRY(source_register(h, r));
  FMP_TRY(loop_register(h, r));
  FMP_TRY(lists_register(h, r));
  return increment_register(h, r);
}

FMP_PLUGIN("sdktest", "1.0", "one of each thing that a plugin can bring", load);
