/* SPDX-License-Identifier: Apache-2.0
 * Built with another fmp_view. */
#include "hostile.h"

const fmp_plugin fmp_plugin_entry = {sizeof(fmp_plugin),
                                     FMP_ABI_MAJOR,
                                     FMP_ABI_MINOR,
                                     sizeof(fmp_view) + 64,
                                     0,
                                     "view_size",
                                     "1.0",
                                     "",
                                     never};
