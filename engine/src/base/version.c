/* SPDX-License-Identifier: Apache-2.0 */
#include "fmp/api.h"

const char *fmp_version(void) { return FMP_VERSION; }
