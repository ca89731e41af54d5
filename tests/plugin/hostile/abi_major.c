/* SPDX-License-Identifier: Apache-2.0
 * Built for another major ABI. */
#include "hostile.h"

const fmp_plugin fmp_plugin_entry = {
    sizeof(fmp_plugin), 9, 3, sizeof(fmp_view), 0, "abi_major", "1.0", "", never};
