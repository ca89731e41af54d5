/* SPDX-License-Identifier: Apache-2.0
 *
 * The stop flag. Its states only move NOTHING <-> INTERRUPTED and from either to FORKED, which is
 * final; hence the compare-and-exchange everywhere but in fmp__stop_for_good(). A lock-free atomic,
 * so that fmp_interrupt() is safe in a signal handler. */
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
                   "this process was forked from one that had used devices or resources, and lacks "
                   "its threads: fork before the first use, or exec another program");
}

/* Of several threads that see the request, only the one whose exchange succeeds reports it: one
 * Ctrl-C is one error. The others go on, or find that the process is a forked one. */
fmp_status fmp__check_interrupt(void)
{
  if (!atomic_load_explicit(&stopped, memory_order_relaxed)) return FMP_OK;
  if (change_stopped(INTERRUPTED, NOTHING)) return fmp__fail(FMP_EINTERRUPTED, "interrupted");
  return fmp__check_forked();
}
