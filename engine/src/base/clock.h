/* SPDX-License-Identifier: Apache-2.0
 *
 * A clock for measuring how long something took: it is never set back. */
#ifndef FMP_CLOCK_H
#define FMP_CLOCK_H

#include <stdint.h>

/* Nanoseconds since some moment that stays the same as long as the process runs. */
int64_t fmp__clock_now(void);

#endif
