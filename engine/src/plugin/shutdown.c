/* SPDX-License-Identifier: Apache-2.0
 *
 * The end of the library, for programs that are searched for leaks. Floor by floor from above, so
 * that nothing is freed while something on a higher floor still points to it: the thread's own
 * (recordings, prepared ops, spares, streams), profiles with their plans, measured choices,
 * devices, definitions, and last the records of plugins that definitions point to. */
#include "base/intern.h"
#include "base/thread.h"
#include "define/registry.h"
#include "device/stream.h"
#include "emit/items.h"
#include "fmp/api.h"
#include "plugin/plugin.h"

static void end_work(fmp_device *device)
{
  fmp__items_close(device);
  fmp__stream_close_shared(device);
}

void fmp_shutdown(void)
{
  fmp__thread_end_now();
  fmp_profile_clear();
  (void)fmp_autotune(NULL); /* forgetting choices cannot fail */
  fmp__devices_close(end_work);
  fmp__registry_free();
  fmp__plugins_forget();
  fmp__intern_free();
}
