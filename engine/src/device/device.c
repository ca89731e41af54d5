/* SPDX-License-Identifier: Apache-2.0 */
#include "device/device.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/locks.h"
#include "base/memory.h"
#include "base/status.h"
#include "base/stop.h"
#include "base/text.h"

/* -- finding --------------------------------------------------------------- */

static fmp_status find_backend(const char *name, size_t length, fmp__backend **backend)
{
  char wanted[64], hint[96];
  snprintf(wanted, sizeof wanted, "%.*s", (int)(length < 63 ? length : 63), name);
  fmp__nearest nearest = {.name = wanted};
  for (uint32_t i = 0; (*backend = fmp__backend_at(i)); i++) {
    if (strcmp((*backend)->def.name, wanted) == 0) return FMP_OK;
    fmp__nearest_offer(&nearest, (*backend)->def.name);
  }
  return fmp__fail(FMP_ENOTFOUND, "no device '%s'%s", wanted,
                   fmp__nearest_hint(&nearest, hint, sizeof hint));
}

static fmp_status count_devices(const fmp__backend *backend, int32_t *count)
{
  *count = 1;
  if (!backend->def.count) return FMP_OK;
  fmp__error_clear();
  return fmp__plugin_status(backend->def.count(backend->plugin->host, count), "count");
}

/* Under the lock. */
static fmp_status open_device(fmp__backend *backend, int32_t index)
{
  int32_t count;
  FMP_TRY(fmp__check_forked());
  FMP_TRY(count_devices(backend, &count));
  if (index >= count || index >= FMP__MAX_DEVICES)
    return fmp__fail(FMP_ENOTFOUND, "no device '%s:%d' (there %s %d)", backend->def.name, index,
                     count == 1 ? "is" : "are", count);
  fmp_device *device = fmp__alloc_zeroed(1, sizeof *device);
  if (!device) return fmp__no_memory("a device");
  device->backend = backend;
  device->index = index;
  pthread_mutex_init(&device->turn, NULL);
  snprintf(device->name, sizeof device->name, "%s:%d", backend->def.name, index);
  fmp__note_opened();
  fmp__error_clear();
  const fmp_status status =
      fmp__plugin_status(backend->def.open(backend->plugin->host, index, &device->state), "open");
  if (status != FMP_OK) {
    pthread_mutex_destroy(&device->turn);
    fmp__free(device);
    return fmp__fail_in(status, "device '%s:%d'", backend->def.name, index);
  }
  backend->devices[index] = device;
  return FMP_OK;
}

static fmp_status device_at(fmp__backend *backend, int32_t index, fmp_device **device)
{
  fmp_status status = FMP_OK;
  fmp__lock(FMP__LOCK_DEVICES);
  if (index >= FMP__MAX_DEVICES || !backend->devices[index]) status = open_device(backend, index);
  if (status == FMP_OK) *device = backend->devices[index];
  fmp__unlock(FMP__LOCK_DEVICES);
  return status;
}

fmp_status fmp_device_find(const char *name, fmp_device **device)
{
  fmp__backend *backend;
  if (!name) return fmp_device_default(device);
  const char *colon = strchr(name, ':');
  char *end = "";
  const long index = colon ? strtol(colon + 1, &end, 10) : 0;
  if (*end || index < 0 || index > 9999 || (colon && !colon[1]))
    return fmp__fail(FMP_EINVAL, "expected a device like 'name' or 'name:0', got '%s'", name);
  FMP_TRY(find_backend(name, colon ? (size_t)(colon - name) : strlen(name), &backend));
  return device_at(backend, (int32_t)index, device);
}

static _Thread_local fmp_device *default_device; /* NULL: the first in host memory */

fmp_status fmp_device_default(fmp_device **device)
{
  if (default_device) {
    *device = default_device;
    return FMP_OK;
  }
  fmp__backend *backend;
  for (uint32_t i = 0; (backend = fmp__backend_at(i)); i++)
    if (backend->def.flags & FMP_BACKEND_HOST) return device_at(backend, 0, device);
  return fmp__fail(FMP_EUNSUPPORTED,
                   "no plugin is loaded with a device in host memory; see fmp_plugin_load_default");
}

fmp_status fmp_device_set_default(fmp_device *device)
{
  default_device = device;
  return FMP_OK;
}

const char *fmp_device_name(const fmp_device *device) { return device ? device->name : NULL; }

const char *fmp_device_list(void)
{
  fmp__text *text = fmp__text_of_thread();
  fmp__backend *backend;
  for (uint32_t i = 0; (backend = fmp__backend_at(i)); i++) {
    int32_t count;
    const char *doc = backend->def.doc ? backend->def.doc : "";
    const int failed = count_devices(backend, &count) != FMP_OK;
    if (failed) count = 0;
    fmp__text_add(text, "%s: %d device%s: %s (%s)%s%s\n", backend->def.name, count,
                  count == 1 ? "" : "s", doc, backend->plugin->name, failed ? ": " : "",
                  failed ? fmp_last_error() : "");
  }
  return text->bytes ? text->bytes : "";
}

fmp_status fmp_device_threads(fmp_device *device, int32_t count, int32_t *now)
{
  FMP_TRY(fmp__require(device, "a device"));
  if (count < 0 || count > FMP_MAX_THREADS)
    return fmp__fail(FMP_EINVAL, "expected 1 to %d threads, got %d", FMP_MAX_THREADS, count);
  const fmp_backend_def *def = &device->backend->def;
  *now = def->threads ? def->threads(device->state, count) : 1;
  return FMP_OK;
}

/* -- memory ---------------------------------------------------------------- */

static fmp_status call_alloc(fmp_device *device, size_t bytes, void **memory)
{
  fmp__error_clear();
  return fmp__plugin_status(device->backend->def.alloc(device->state, bytes, memory), "alloc");
}

fmp_status fmp__device_alloc(fmp_device *device, int64_t bytes, void **memory)
{
  const int64_t wanted = bytes > 0 ? bytes : 1;
  fmp_status status = fmp__check_forked();
  if (status == FMP_OK && fmp__allocation_fails()) status = fmp__no_memory("as a test wants it");
  if (status == FMP_OK) status = call_alloc(device, (size_t)wanted, memory);
  if (status != FMP_OK)
    return fmp__fail_in(status, "%" PRId64 " bytes on %s", wanted, device->name);
  fmp__count_device_bytes(wanted);
  return FMP_OK;
}

void fmp__device_free(fmp_device *device, void *memory, int64_t bytes)
{
  if (!memory || fmp__is_forked()) return;
  device->backend->def.free(device->state, memory);
  fmp__count_device_bytes(-(bytes > 0 ? bytes : 1));
}

int fmp__device_is_host(const fmp_device *device)
{
  return (device->backend->def.flags & FMP_BACKEND_HOST) != 0;
}

int32_t fmp__device_threads(const fmp_device *device)
{
  const fmp_backend_def *def = &device->backend->def;
  return def->threads ? def->threads(device->state, 0) : 1;
}

fmp_status fmp__device_copy(fmp_device *device, void *stream, int32_t direction, void *target,
                            const void *source, size_t bytes)
{
  const fmp_backend_def *def = &device->backend->def;
  FMP_TRY(fmp__check_forked());
  fmp__error_clear();
  return fmp__plugin_status(def->copy(device->state, stream, direction, target, source, bytes),
                            "backend copy");
}
