/* SPDX-License-Identifier: Apache-2.0
 * The flag that stops what runs: set by Ctrl-C, by whoever calls fmp_interrupt(), and for good in
 * a process that was forked too late. One number is all that each op looks at. */
#ifndef FMP_STOP_H
#define FMP_STOP_H

#include "fmp/plugin.h"

/* FMP_EINTERRUPTED, once, if somebody asked to stop; FMP_ESTATE in a process that may not run ops.
 */
fmp_status fmp__check_interrupt(void);
/* From now on every op is refused: this process was forked from one that used devices or
 * resources (see locks.h), and lacks the threads and handles that these rest on. */
void fmp__stop_for_good(void);
/* Whether that was called. Nothing of a plugin is called then. */
int fmp__is_forked(void);
/* FMP_ESTATE if it was. */
fmp_status fmp__check_forked(void);

#endif
