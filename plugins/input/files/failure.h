/* SPDX-License-Identifier: Apache-2.0
 * Making and handing on failures as values (kit/source.h). */
#ifndef INPUT_FAILURE_H
#define INPUT_FAILURE_H

#include "fmp/kit/source.h"

/* Sets both and returns code. */
fmp_status failure_set(fmp_failure *why, fmp_status code, const char *format, ...) FMP_PRINTF(3, 4);
/* Hands a failure to this thread's caller and returns its status. */
fmp_status failure_raise(const fmp_host *h, const fmp_failure *why);

#endif
