/* SPDX-License-Identifier: Apache-2.0
 *
 * The thread's error text. It is never freed and never allocated; fmp_last_error() lends it until
 * the thread's next call. */
#include "base/status.h"

#include <stdio.h>
#include <string.h>

#include "fmp/api.h"

/* Analyzers see these as macros; here are the functions themselves. */
#undef fmp__fail
#undef fmp__fail_in
#undef fmp__no_memory

static _Thread_local char error_text[FMP__ERROR_TEXT];

static const char *const status_names[] = {
    "FMP_OK",      "FMP_ENOMEM",    "FMP_EINVAL",  "FMP_ESHAPE",       "FMP_EDTYPE",
    "FMP_EDEVICE", "FMP_ENOTFOUND", "FMP_EPLUGIN", "FMP_ENOGRAD",      "FMP_ESTATE",
    "FMP_EIO",     "FMP_EDATA",     "FMP_END",     "FMP_EINTERRUPTED", "FMP_EUNSUPPORTED"};

_Static_assert(sizeof status_names / sizeof status_names[0] == FMP_STATUS_COUNT,
               "every status has a name");

const char *fmp_status_name(fmp_status status)
{
  if (status < 0 || status >= FMP_STATUS_COUNT) return "unknown status";
  return status_names[status];
}

const char *fmp_last_error(void) { return error_text; }

/* Formatted aside and copied, because the arguments may point into the old text: failures often
 * quote fmp_last_error(). */
fmp_status fmp__fail(fmp_status code, const char *format, ...)
{
  char text[FMP__ERROR_TEXT];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  memcpy(error_text, text, sizeof text);
  return code;
}

/* The place in front is cut at 512 bytes and the whole at FMP__ERROR_TEXT: if something must go, it
 * is the innermost end, so that the user still sees which file and layer it was. */
fmp_status fmp__fail_in(fmp_status code, const char *format, ...)
{
  char place[512];
  char text[FMP__ERROR_TEXT + sizeof place + 2];
  va_list args;
  va_start(args, format);
  vsnprintf(place, sizeof place, format, args);
  va_end(args);
  snprintf(text, sizeof text, "%s: %s", place, error_text);
  text[FMP__ERROR_TEXT - 1] = '\0';
  memcpy(error_text, text, FMP__ERROR_TEXT);
  return code;
}

fmp_status fmp__no_memory(const char *purpose)
{
  return fmp__fail(FMP_ENOMEM, "out of memory: %s", purpose);
}

void fmp__error_clear(void) { error_text[0] = '\0'; }

fmp_status fmp__plugin_status(fmp_status status, const char *function)
{
  if (status == FMP_OK) return FMP_OK;
  if (status < 0 || status >= FMP_STATUS_COUNT)
    return fmp__fail(FMP_EPLUGIN, "%s returned unknown status %d", function, status);
  if (error_text[0] == '\0')
    return fmp__fail(status, "%s failed with %s and no text", function, fmp_status_name(status));
  return status;
}

void fmp__error_keep(char *text) { memcpy(text, error_text, FMP__ERROR_TEXT); }

void fmp__error_restore(const char *text) { memcpy(error_text, text, FMP__ERROR_TEXT); }
