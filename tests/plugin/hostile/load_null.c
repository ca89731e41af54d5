/* SPDX-License-Identifier: Apache-2.0
 * An entry without load(). */
#include "hostile.h"

const fmp_plugin fmp_plugin_entry = {sizeof(fmp_plugin),
                                     FMP_ABI_MAJOR,
                                     FMP_ABI_MINOR,
                                     sizeof(fmp_view),
                                     0,
                                     "load_null",
                                     "1.0",
                                     "",
                                     NULL};
