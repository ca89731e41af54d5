/* SPDX-License-Identifier: Apache-2.0
 * The kernel that a piece of work gets: by priority, or by what was measured. */
#ifndef FMP_CHOOSE_H
#define FMP_CHOOSE_H

#include "kernel/kernel.h"

/* Chooses the kernel and prepares it. FMP_EUNSUPPORTED lists what there is. */
fmp_status fmp__prepare(const fmp__work *work, fmp__prepared *prepared);

#endif
