/* SPDX-License-Identifier: Apache-2.0
 * An entry without load(). */
#include "hostile.h"

const fmp_plugin fmp_plugin_entry = {ENTRY("load_null", NULL)};
