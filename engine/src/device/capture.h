/* SPDX-License-Identifier: Apache-2.0
 *
 * Work that a device notes once and then repeats in one piece. */
#ifndef FMP_CAPTURE_H
#define FMP_CAPTURE_H

#include "device/device.h"

/* Can the device do so? All below is for those that can, on a stream that has been entered. */
int fmp__device_captures(const fmp_device *device);
/* Between these two nothing but kernels may be enqueued. Whatever becomes of them, a capture that
 * has begun is ended; *graph is NULL where that fails. */
fmp_status fmp__capture_begin(fmp_device *device, void *stream);
fmp_status fmp__capture_end(fmp_device *device, void *stream, void **graph);
fmp_status fmp__graph_launch(fmp_device *device, void *stream, void *graph);
/* NULL allowed. A launch may still be queued. */
void fmp__graph_free(fmp_device *device, void *stream, void *graph);

#endif
