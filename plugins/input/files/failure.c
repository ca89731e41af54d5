/* SPDX-License-Identifier: Apache-2.0 */
#include "failure.h"

#include <stdarg.h>
#include <stdio.h>

fmp_status failure_set(fmp_failure *why, fmp_status code, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  vsnprintf(why->text, sizeof why->text, format, args);
  va_end(args);
  why->status = code;
  return code;
}

fmp_status failure_raise(const fmp_host *h, const fmp_failure *why)
{
  if (why->status != FMP_OK) return h->fail(why->status, "%s", why->text);
  return h->fail(FMP_EPLUGIN, "something failed and did not say what");
}
