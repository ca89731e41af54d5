/* SPDX-License-Identifier: Apache-2.0
 * Built as other.so: a scan of its directory opens fmp_*.so only, and must not run this. */
#define _POSIX_C_SOURCE 200809L /* setenv */
#include "hostile.h"

#include <stdlib.h>

__attribute__((constructor)) static void opened(void) { setenv("FMP_TEST_OPENED", "1", 1); }

FMP_PLUGIN("wrong_name", "1.0", "must not be opened", never);
