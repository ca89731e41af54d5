/* SPDX-License-Identifier: Apache-2.0 */
#include "base/stop.h"

#include <stdatomic.h>

#include "base/status.h"
#include "fmp/api.h"

enum { NOTHING, INTERRUPTED, FORKED };
static atomic_int stopped;

static int change_stopped(int from, int to)
{
  return atomic_compare_exchange_strong(&stopped, &from, to);
}

void fmp_interrupt(void) { change_stopped(NOTHING, INTERRUPTED); }

void fmp_interrupt_clear(void) { change_stopped(INTERRUPTED, NOTHING); }

void fmp__stop_for_good(void) { atomic_store(&stopped, FORKED); }

int fmp__is_forked(void) { return atomic_load_explicit(&stopped, memory_order_relaxed) == FORKED; }

fmp_status fmp__check_forked(void)
{
  if (!fmp__is_forked()) return FMP_OK;
  return fmp__fail(FMP_ESTATE,
                   "this process was forked from one that used devices or resources, whose threads "
                   "it lacks: fork before the first of them is used, or exec");
}

fmp_status fmp__check_interrupt(void)
{
  if (!atomic_load_explicit(&stopped, memory_order_relaxed)) return FMP_OK;
  if (change_stopped(INTERRUPTED, NOTHING)) return fmp__fail(FMP_EINTERRUPTED, "interrupted");
  return fmp__check_forked();
}
