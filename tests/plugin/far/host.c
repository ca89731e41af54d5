/* SPDX-License-Identifier: Apache-2.0
 *
 * What kernels are lent on the far side, where the engine's own functions would be of no use: it
 * knows nothing of the thread that they run on. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "far.h"

enum { TEXT = 1024 };

static _Thread_local char last[TEXT];

fmp_host far_kernels_host;

const char *far_failure(void) { return last; }

void far_fail_in(const char *where)
{
  const size_t n = strlen(where);
  if (n + 3 > TEXT) return;
  memmove(last + n + 2, last, TEXT - n - 3);
  memcpy(last, where, n);
  memcpy(last + n, ": ", 2);
}

FMP_PRINTF(2, 3)
static fmp_status fail(fmp_status code, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  vsnprintf(last, sizeof last, format, args);
  va_end(args);
  return far_host->fail(code, "%s", last); /* for the caller's thread, in mode "now" */
}

/* call->device and call->stream are the cpu's by now. */
static fmp_status parallel_for(const fmp_call *call, int64_t n, int64_t grain, fmp_range_fn body,
                               void *arg)
{
  const fmp_parallel_args args = {.struct_size = sizeof args,
                                  .host = &far_kernels_host,
                                  .data = far_cpu.data,
                                  .device = call->device,
                                  .stream = call->stream,
                                  .n = n,
                                  .grain = grain > 0 ? grain : 1,
                                  .body = body,
                                  .arg = arg};
  return n > 0 ? far_cpu.parallel_for(&args) : FMP_OK;
}

void far_lend(const fmp_host *h)
{
  far_host = h;
  far_kernels_host = *h;
  far_kernels_host.fail = fail;
  far_kernels_host.parallel_for = parallel_for;
}
