/* SPDX-License-Identifier: Apache-2.0
 * Time that only goes forward. */
#ifndef FMP_CLOCK_H
#define FMP_CLOCK_H

#include <stdint.h>

/* Nanoseconds since a moment that stays the same while the process runs. */
int64_t fmp__clock_now(void);

#endif
