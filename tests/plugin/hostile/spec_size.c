/* SPDX-License-Identifier: Apache-2.0
 * Built with another fmp_spec. */
#include "hostile.h"

/* Later initialisers count. */
#pragma GCC diagnostic ignored "-Woverride-init"
const fmp_plugin fmp_plugin_entry = {ENTRY("spec_size", never), .spec_size = sizeof(fmp_spec) + 64};
