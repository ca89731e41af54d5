/* SPDX-License-Identifier: Apache-2.0
 *
 * The flag that stops whatever runs: set by Ctrl-C, by whoever calls fmp_interrupt(), and for good
 * in a process that was forked too late. Both share one number so that an op looks at one number
 * only, relaxed, which costs it nothing. */
#ifndef FMP_STOP_H
#define FMP_STOP_H

#include "fmp/plugin.h"

/* FMP_EINTERRUPTED, once for each request to stop; FMP_ESTATE, always, in a process that may not
 * run ops. To be called between pieces of work that are long, never while something is half
 * done. */
fmp_status fmp__check_interrupt(void);
/* From now on every op is refused: this process was forked from one that used devices or resources
 * (see locks.h), and lacks the threads and handles behind them. */
void fmp__stop_for_good(void);
/* Whether that has been called. No function of a plugin may be called then, not even to clean
 * up. */
int fmp__is_forked(void);
/* FMP_ESTATE if it has. */
fmp_status fmp__check_forked(void);

#endif
