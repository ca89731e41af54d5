/* SPDX-License-Identifier: Apache-2.0
 * Kernels chosen by measuring: fmp_autotune. */
#ifndef FMP_AUTOTUNE_H
#define FMP_AUTOTUNE_H

#include "kernel/kernel.h"

/* *kernel: the one that priorities choose. Replaced by the fastest of those that take the
 * work, measured now or before; left as it is while fmp_autotune is off, where nobody else
 * takes the work, and for ops that cannot be run on zeros without harm. */
fmp_status fmp__autotune_choose(const fmp__work *work, const fmp__kernel **kernel);

#endif
