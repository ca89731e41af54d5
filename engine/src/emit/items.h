/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers that are read without waiting; the functions are in api.h. */
#ifndef FMP_ITEMS_H
#define FMP_ITEMS_H

#include "device/device.h"

/* Gives up what a device keeps for later readings; for fmp_shutdown. */
void fmp__items_close(fmp_device *device);

#endif
