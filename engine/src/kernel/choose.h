/* SPDX-License-Identifier: Apache-2.0
 *
 * The kernel that a piece of work gets: by the user's wish, by what was measured, or by
 * priority. */
#ifndef FMP_CHOOSE_H
#define FMP_CHOOSE_H

#include "kernel/kernel.h"

/* Chooses a kernel for work whose outputs have been inferred, and prepares it. For an alias
 * *prepared is empty. FMP_EUNSUPPORTED lists what there is. */
fmp_status fmp__prepare(const fmp__work *work, fmp__prepared *prepared);

#endif
