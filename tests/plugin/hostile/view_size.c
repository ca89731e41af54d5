/* SPDX-License-Identifier: Apache-2.0
 * Built with another fmp_view. */
#include "hostile.h"

/* Later initialisers count. */
#pragma GCC diagnostic ignored "-Woverride-init"
const fmp_plugin fmp_plugin_entry = {ENTRY("view_size", never), .view_size = sizeof(fmp_view) + 64};
