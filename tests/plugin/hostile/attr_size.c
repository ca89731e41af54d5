/* SPDX-License-Identifier: Apache-2.0
 * Built with another fmp_attr. */
#include "hostile.h"

/* Later initialisers count. */
#pragma GCC diagnostic ignored "-Woverride-init"
const fmp_plugin fmp_plugin_entry = {ENTRY("attr_size", never), .attr_size = sizeof(fmp_attr) + 64};
