/* SPDX-License-Identifier: Apache-2.0
 *
 * Finding, opening and closing devices. A device is opened when it is first asked for, under
 * FMP__LOCK_DEVICES, which is held while the backend's open() runs; from then on it is found by
 * reading one pointer under that lock. */
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

/* `name` is the part in front of the colon; no backend's name is longer than 63. */
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

static fmp_device_args backend_args(const fmp__backend *backend)
{
  return (fmp_device_args){.struct_size = sizeof(fmp_device_args),
                           .host = backend->plugin->host,
                           .data = backend->def.data};
}

/* A backend without a count has one device. */
static fmp_status count_devices(const fmp__backend *backend, int32_t *count)
{
  *count = 1;
  if (!backend->def.count) return FMP_OK;
  fmp__error_clear();
  const fmp_device_args args = backend_args(backend);
  return fmp__plugin_status(backend->def.count(&args, count), "count");
}

/* Under the lock. fmp__note_opened() comes before open(): if another thread forks while open()
 * runs, its child must know that it lacks whatever threads or handles the backend has made. */
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
  fmp_device_args args = backend_args(backend);
  args.index = index;
  const fmp_status status = fmp__plugin_status(backend->def.open(&args, &device->state), "open");
  if (status != FMP_OK) {
    pthread_mutex_destroy(&device->turn);
    fmp__free(device);
    return fmp__fail_in(status, "device '%s:%d'", backend->def.name, index);
  }
  backend->devices[index] = device;
  return FMP_OK;
}

/* The child of a fork only forgets it: the device belongs to the process that opened it. */
static void close_device(fmp_device *device)
{
  const fmp_backend_def *def = &device->backend->def;
  fmp_device_args args = backend_args(device->backend);
  args.device = device->state;
  args.index = device->index;
  if (def->close && !fmp__is_forked()) def->close(&args);
  pthread_mutex_destroy(&device->turn);
  fmp__free(device);
}

void fmp__devices_close(void (*before)(fmp_device *device))
{
  fmp__backend *backend;
  for (uint32_t i = 0; (backend = fmp__backend_at(i)); i++)
    for (int32_t k = 0; k < FMP__MAX_DEVICES; k++) {
      if (!backend->devices[k]) continue;
      before(backend->devices[k]);
      close_device(backend->devices[k]);
      backend->devices[k] = NULL;
    }
}

/* An index that is too large goes to open_device(), which knows how many devices there are. */
static fmp_status device_at(fmp__backend *backend, int32_t index, fmp_device **device)
{
  fmp_status status = FMP_OK;
  fmp__lock(FMP__LOCK_DEVICES);
  if (index >= FMP__MAX_DEVICES || !backend->devices[index]) status = open_device(backend, index);
  if (status == FMP_OK) *device = backend->devices[index];
  fmp__unlock(FMP__LOCK_DEVICES);
  return status;
}

/* "cpu" is "cpu:0". The number is read strictly: "cpu:", "cpu:1x" and "cpu:-1" are mistakes. */
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

fmp_status fmp__device_of_host(fmp_device **device)
{
  fmp__backend *backend;
  for (uint32_t i = 0; (backend = fmp__backend_at(i)); i++)
    if (backend->def.flags & FMP_BACKEND_HOST) return device_at(backend, 0, device);
  return fmp__fail(FMP_EUNSUPPORTED,
                   "no plugin is loaded with a device in host memory; see fmp_plugin_load_default");
}

/* Per thread, so that a worker thread may use another device than the one that started it. NULL:
 * the user's, FMP_DEVICE, or the host's, which need not be open before somebody asks. */
static _Thread_local fmp_device *default_device;

fmp_status fmp_device_default(fmp_device **device)
{
  if (default_device) {
    *device = default_device;
    return FMP_OK;
  }
  const char *wish = getenv("FMP_DEVICE");
  if (!wish || !*wish) return fmp__device_of_host(device);
  const fmp_status status = fmp_device_find(wish, device);
  return status == FMP_OK ? FMP_OK : fmp__fail_in(status, "FMP_DEVICE");
}

fmp_status fmp_device_set_default(fmp_device *device)
{
  default_device = device;
  return FMP_OK;
}

const char *fmp_device_name(const fmp_device *device) { return device ? device->name : NULL; }

/* A backend that cannot count its devices is listed with the reason, and is no failure. */
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

/* 0 asks only; a backend without threads has one. */
static int32_t ask_threads(const fmp_device *device, int32_t count)
{
  const fmp_backend_def *def = &device->backend->def;
  fmp_device_args args = backend_args(device->backend);
  args.device = device->state;
  args.threads = count;
  return def->threads ? def->threads(&args) : 1;
}

int32_t fmp__device_threads(const fmp_device *device) { return ask_threads(device, 0); }

/* The backend may grant fewer than were asked for; *now is what it grants. */
fmp_status fmp_device_threads(fmp_device *device, int32_t count, int32_t *now)
{
  FMP_TRY(fmp__require(device, "a device"));
  if (count < 0 || count > FMP_MAX_THREADS)
    return fmp__fail(FMP_EINVAL, "expected 1 to %d threads, got %d", FMP_MAX_THREADS, count);
  *now = ask_threads(device, count);
  return FMP_OK;
}

/* -- memory ---------------------------------------------------------------- */

/* Backends are never asked for 0 bytes: what malloc(0) means differs from system to system. */
static fmp_memory_args memory_args(const fmp_device *device, void *memory, int64_t bytes)
{
  return (fmp_memory_args){.struct_size = sizeof(fmp_memory_args),
                           .host = device->backend->plugin->host,
                           .data = device->backend->def.data,
                           .device = device->state,
                           .memory = memory,
                           .bytes = bytes > 0 ? (size_t)bytes : 1};
}

static fmp_status call_alloc(fmp_device *device, int64_t bytes, void **memory)
{
  const fmp_memory_args args = memory_args(device, NULL, bytes);
  fmp__error_clear();
  return fmp__plugin_status(device->backend->def.alloc(&args, memory), "alloc");
}

/* The bytes count as held from here until fmp__device_free(), whatever the backend rounds them up
 * to: a leak test compares the two, not the system's memory. */
fmp_status fmp__device_alloc(fmp_device *device, int64_t bytes, void **memory)
{
  const int64_t wanted = bytes > 0 ? bytes : 1;
  fmp_status status = fmp__check_forked();
  if (status == FMP_OK && fmp__allocation_fails())
    status = fmp__no_memory("a failure that a test asked for");
  if (status == FMP_OK) status = call_alloc(device, wanted, memory);
  if (status != FMP_OK)
    return fmp__fail_in(status, "%" PRId64 " bytes on %s", wanted, device->name);
  fmp__count_device_bytes(wanted);
  return FMP_OK;
}

/* A backend is told the size, so that it may keep memory in pools by size. In a forked process no
 * function of a backend may be called, so there the memory is left alone. */
void fmp__device_free(fmp_device *device, void *memory, int64_t bytes)
{
  if (!memory || fmp__is_forked()) return;
  const fmp_memory_args args = memory_args(device, memory, bytes);
  device->backend->def.free(&args);
  fmp__count_device_bytes(-(bytes > 0 ? bytes : 1));
}

int fmp__device_is_host(const fmp_device *device)
{
  return (device->backend->def.flags & FMP_BACKEND_HOST) != 0;
}

/* Always by way of the backend, also in host memory: it is the backend that knows what is
 * queued. */
fmp_status fmp__device_copy(fmp_device *device, void *stream, int32_t direction, void *target,
                            const void *source, size_t bytes)
{
  const fmp_copy_args args = {.struct_size = sizeof args,
                              .host = device->backend->plugin->host,
                              .data = device->backend->def.data,
                              .device = device->state,
                              .stream = stream,
                              .target = target,
                              .source = source,
                              .bytes = bytes,
                              .direction = direction};
  FMP_TRY(fmp__check_forked());
  fmp__error_clear();
  return fmp__plugin_status(device->backend->def.copy(&args), "backend copy");
}
