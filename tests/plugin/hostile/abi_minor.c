/* SPDX-License-Identifier: Apache-2.0
 * Needs a newer minor ABI than there is. */
#include "hostile.h"

const fmp_plugin fmp_plugin_entry = {ENTRY("abi_minor", never), .abi_minor = FMP_ABI_MINOR + 7};
