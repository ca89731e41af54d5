/* SPDX-License-Identifier: Apache-2.0
 *
 * The library's version, as the build was told it (FMP_VERSION). */
#include "fmp/api.h"

const char *fmp_version(void) { return FMP_VERSION; }
