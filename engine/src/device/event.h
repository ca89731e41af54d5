/* SPDX-License-Identifier: Apache-2.0
 *
 * Events, and host memory that a device reaches by itself: what lets the host wait for one result
 * and not for all work. Where a backend has no such thing, ordinary memory serves, and an event has
 * passed when its stream has been waited for. */
#ifndef FMP_EVENT_H
#define FMP_EVENT_H

#include "device/device.h"

/* Can the host wait for a part of the device's work? */
int fmp__device_has_events(const fmp_device *device);
/* For a device that has them. */
fmp_status fmp__event_open(fmp_device *device, void **event);
void fmp__event_close(fmp_device *device, void *event);
/* Marks the end of what has been enqueued; the stream has been entered. */
fmp_status fmp__event_record(fmp_device *device, void *stream, void *event);
/* Waits for the last mark. No stream need be entered. */
fmp_status fmp__event_sync(fmp_device *device, void *event);

/* bytes > 0. Not counted as the device's memory. */
fmp_status fmp__pinned_alloc(fmp_device *device, size_t bytes, void **memory);
void fmp__pinned_free(fmp_device *device, void *memory, size_t bytes);

#endif
