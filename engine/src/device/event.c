/* SPDX-License-Identifier: Apache-2.0
 *
 * Calling what a backend may offer. A forked process calls none of it. */
#include "device/event.h"

#include "base/memory.h"
#include "base/status.h"
#include "base/stop.h"

/* -- events ---------------------------------------------------------------- */

static fmp_event_args event_args(const fmp_device *device, void *stream, void *event)
{
  return (fmp_event_args){.struct_size = sizeof(fmp_event_args),
                          .host = device->backend->plugin->host,
                          .data = device->backend->def.data,
                          .device = device->state,
                          .stream = stream,
                          .event = event};
}

int fmp__device_has_events(const fmp_device *device)
{
  return device->backend->def.event_open != NULL;
}

fmp_status fmp__event_open(fmp_device *device, void **event)
{
  const fmp_event_args args = event_args(device, NULL, NULL);
  FMP_TRY(fmp__check_forked());
  fmp__error_clear();
  return fmp__plugin_status(device->backend->def.event_open(&args, event), "event_open");
}

void fmp__event_close(fmp_device *device, void *event)
{
  const fmp_event_args args = event_args(device, NULL, event);
  if (!fmp__is_forked()) device->backend->def.event_close(&args);
}

fmp_status fmp__event_record(fmp_device *device, void *stream, void *event)
{
  const fmp_event_args args = event_args(device, stream, event);
  FMP_TRY(fmp__check_forked());
  fmp__error_clear();
  return fmp__plugin_status(device->backend->def.event_record(&args), "event_record");
}

fmp_status fmp__event_sync(fmp_device *device, void *event)
{
  const fmp_event_args args = event_args(device, NULL, event);
  FMP_TRY(fmp__check_forked());
  fmp__error_clear();
  return fmp__plugin_status(device->backend->def.event_sync(&args), "event_sync");
}

/* -- the host's memory ------------------------------------------------------- */

static fmp_memory_args pinned_args(const fmp_device *device, void *memory, size_t bytes)
{
  return (fmp_memory_args){.struct_size = sizeof(fmp_memory_args),
                           .host = device->backend->plugin->host,
                           .data = device->backend->def.data,
                           .device = device->state,
                           .memory = memory,
                           .bytes = bytes};
}

fmp_status fmp__pinned_alloc(fmp_device *device, size_t bytes, void **memory)
{
  const fmp_backend_def *def = &device->backend->def;
  FMP_TRY(fmp__check_forked());
  if (!def->pinned_alloc) {
    *memory = fmp__alloc(bytes);
    return *memory ? FMP_OK : fmp__no_memory("a copy to the host");
  }
  const fmp_memory_args args = pinned_args(device, NULL, bytes);
  fmp__error_clear();
  return fmp__plugin_status(def->pinned_alloc(&args, memory), "pinned_alloc");
}

void fmp__pinned_free(fmp_device *device, void *memory, size_t bytes)
{
  const fmp_backend_def *def = &device->backend->def;
  const fmp_memory_args args = pinned_args(device, memory, bytes);
  if (!def->pinned_alloc)
    fmp__free(memory);
  else if (memory && !fmp__is_forked())
    def->pinned_free(&args);
}
