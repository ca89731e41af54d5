/* SPDX-License-Identifier: Apache-2.0
 *
 * Kernels chosen by measuring: fmp_autotune. Off unless the user asks for it. */
#ifndef FMP_AUTOTUNE_H
#define FMP_AUTOTUNE_H

#include "kernel/kernel.h"

/* *kernel is the one that priorities have chosen. It is replaced by the fastest of those that take
 * the work, as measured now or before; and left as it is while measuring is off or wishes are in
 * force, if there is no second candidate, and for ops that cannot be run on zeros without harm. */
fmp_status fmp__autotune_choose(const fmp__work *work, const fmp__kernel **kernel);
/* A plan has been made: many choices may have come at once, and the next ones may take long to
 * come. Sees to it that the file has all of them. */
fmp_status fmp__autotune_settle(void);

#endif
