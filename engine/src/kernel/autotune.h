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
/* Many choices have been made, and others may be long in coming: the file is to have them. */
fmp_status fmp__autotune_settle(void);

#endif
