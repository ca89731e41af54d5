/* SPDX-License-Identifier: Apache-2.0
 * Built for another major ABI. */
#include "hostile.h"

/* Later initialisers count. */
#pragma GCC diagnostic ignored "-Woverride-init"
const fmp_plugin fmp_plugin_entry = {ENTRY("abi_major", never), .abi_major = 9, .abi_minor = 3};
