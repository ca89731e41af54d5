/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of functions that plugins are lent; one for all of them, constant. */
#ifndef FMP_HOST_H
#define FMP_HOST_H

#include "fmp/plugin.h"

const fmp_host *fmp__host(void);

#endif
