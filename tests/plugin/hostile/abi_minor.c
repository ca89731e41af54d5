/* SPDX-License-Identifier: Apache-2.0
 * Needs a newer minor ABI than there is. */
#include "hostile.h"

const fmp_plugin fmp_plugin_entry = {sizeof(fmp_plugin),
                                     FMP_ABI_MAJOR,
                                     FMP_ABI_MINOR + 7,
                                     sizeof(fmp_view),
                                     0,
                                     "abi_minor",
                                     "1.0",
                                     "",
                                     never};
