/* SPDX-License-Identifier: Apache-2.0
 *
 * Messages for people, to stderr, one line each, by level. Any thread. */
#ifndef FMP_LOG_H
#define FMP_LOG_H

#include "fmp/plugin.h"

enum { FMP__LOG_ERROR = 0, FMP__LOG_WARNING = 1, FMP__LOG_INFO = 2, FMP__LOG_DETAIL = 3 };

/* Reads FMP_LOG, unless a level has been set by then. Called at the start, so that a misspelt level
 * is reported there and not with the first message, which may never come. */
void fmp__log_start(void);
void fmp__log(int32_t level, const char *format, ...) FMP_PRINTF(2, 3);

#endif
