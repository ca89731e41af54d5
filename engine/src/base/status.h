/* SPDX-License-Identifier: Apache-2.0
 *
 * Error texts. Each thread has one text in a fixed buffer, so that failing never allocates and
 * always works. A function that fails sets the text and returns the status; on the way up, callers
 * put in front where it happened, outermost first: "cifar_fmp/3: conv2d: expected x ...".
 *
 * The text is only meaningful after a failure: success leaves the last one in place. */
#ifndef FMP_STATUS_H
#define FMP_STATUS_H

#include <stdarg.h>

#include "fmp/plugin.h"

/* Sets the thread's text and returns code. */
fmp_status fmp__fail(fmp_status code, const char *format, ...) FMP_PRINTF(2, 3);
/* Puts "format: " in front of the thread's text; returns code. */
fmp_status fmp__fail_in(fmp_status code, const char *format, ...) FMP_PRINTF(2, 3);
/* "out of memory", with what it was for. */
fmp_status fmp__no_memory(const char *purpose);

#ifdef __clang_analyzer__
/* What an analyzer that sees one file at a time cannot know: a failure is never FMP_OK. */
#define fmp__fail(code, ...)    (fmp__fail((code), __VA_ARGS__), (code))
#define fmp__fail_in(code, ...) (fmp__fail_in((code), __VA_ARGS__), (code))
#define fmp__no_memory(purpose) (fmp__no_memory(purpose), FMP_ENOMEM)
#endif

/* Handles come from outside: NULL is FMP_EINVAL, "expected a tensor, got none". */
static inline fmp_status fmp__require(const void *handle, const char *what)
{
  return handle ? FMP_OK : fmp__fail(FMP_EINVAL, "expected %s, got none", what);
}
/* The same for an array, which may be NULL only if it has no elements. */
static inline fmp_status fmp__require_array(const void *items, int64_t n, const char *what)
{
  return n > 0 ? fmp__require(items, what) : FMP_OK;
}

/* Called before a plugin's function is, so that a failure without a text can be told from an older
 * one's text. */
void fmp__error_clear(void);
/* A status as a plugin's function returned it: an unknown number becomes FMP_EPLUGIN, and a failure
 * without a text gets one. */
fmp_status fmp__plugin_status(fmp_status status, const char *function);

/* Saves the text while clean-up code runs that may fail itself, or carries it to another thread. */
enum { FMP__ERROR_TEXT = 2048 };
void fmp__error_keep(char *text); /* char text[FMP__ERROR_TEXT] */
void fmp__error_restore(const char *text);

#endif
