/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers that are read without waiting. A device with events copies them in their turn to memory
 * of the host's, and an event behind the copies says when they are there: whoever asks then waits
 * for that alone, while later work runs. Elsewhere they are read at once. */
#include "emit/items.h"

#include <string.h>

#include "base/memory.h"
#include "base/number.h"
#include "base/status.h"
#include "device/event.h"
#include "device/stream.h"
#include "device/tensor.h"
#include "fmp/api.h"

enum { LANDING_BYTES = FMP_MAX_ITEMS * sizeof(fmp__number) };

/* Where numbers of one reading arrive. Opening an event and pinning memory are slow on an
 * accelerator and readings come with every step, so landings are kept by their device. */
struct fmp__landing {
  fmp__landing *next; /* among the device's spares, and only there */
  void *event;
  fmp__number *numbers;
};

/* Number i is in the landing once its event has passed, or in here[i]. */
struct fmp_items {
  fmp_device *device;
  fmp__landing *landing; /* NULL: they have been read, into `here` */
  int32_t n;
  uint32_t dtypes[FMP_MAX_ITEMS];
  fmp__number here[FMP_MAX_ITEMS];
};

/* -- landings -------------------------------------------------------------- */

static void close_landing(fmp_device *device, fmp__landing *l)
{
  if (l->event) fmp__event_close(device, l->event);
  if (l->numbers) fmp__pinned_free(device, l->numbers, LANDING_BYTES);
  fmp__free(l);
}

static fmp_status open_landing(fmp_device *device, fmp__landing **landing)
{
  void *memory = NULL;
  fmp__landing *l = fmp__alloc_zeroed(1, sizeof *l);
  if (!l) return fmp__no_memory("a number to be read");
  fmp_status status = fmp__pinned_alloc(device, LANDING_BYTES, &memory);
  l->numbers = memory;
  if (status == FMP_OK) status = fmp__event_open(device, &l->event);
  if (status != FMP_OK)
    close_landing(device, l);
  else
    *landing = l;
  return status;
}

/* The device's stream has been entered, which also guards its spares. */
static fmp_status take_landing(fmp_device *device, fmp__landing **landing)
{
  if (!device->landings) return open_landing(device, landing);
  *landing = device->landings;
  device->landings = (*landing)->next;
  return FMP_OK;
}

/* Copies may still be on their way; those of its next user come behind them. */
static void give_back(fmp_device *device, fmp__landing *l)
{
  pthread_mutex_lock(&device->turn);
  l->next = device->landings;
  device->landings = l;
  pthread_mutex_unlock(&device->turn);
}

void fmp__items_close(fmp_device *device)
{
  while (device->landings) {
    fmp__landing *l = device->landings;
    device->landings = l->next;
    close_landing(device, l);
  }
}

/* -- reading --------------------------------------------------------------- */

static fmp_status check(fmp_tensor *const *t, int32_t n)
{
  if (n < 1 || n > FMP_MAX_ITEMS)
    return fmp__fail(FMP_EINVAL, "expected 1 to %d tensors, got %d", FMP_MAX_ITEMS, n);
  for (int32_t i = 0; i < n; i++) {
    FMP_TRY(fmp__tensor_require_one(t[i]));
    if (t[i]->device != t[0]->device)
      return fmp__fail(FMP_EDEVICE, "expected tensors of one device, got %s and %s",
                       t[0]->device->name, t[i]->device->name);
  }
  return FMP_OK;
}

static fmp_status read_now(fmp_tensor *const *t, fmp_items *r)
{
  for (int32_t i = 0; i < r->n; i++)
    FMP_TRY(fmp_tensor_read(t[i], &r->here[i], fmp_dtype_size(r->dtypes[i])));
  return FMP_OK;
}

/* One element is contiguous, whatever its strides. */
static fmp_status enqueue(fmp_tensor *const *t, void *stream, fmp_items *r)
{
  FMP_TRY(take_landing(r->device, &r->landing));
  for (int32_t i = 0; i < r->n; i++)
    FMP_TRY(fmp__device_copy(r->device, stream, FMP_COPY_TO_HOST, &r->landing->numbers[i],
                             (const char *)t[i]->storage->memory + t[i]->offset,
                             (size_t)fmp_dtype_size(r->dtypes[i])));
  return fmp__event_record(r->device, stream, r->landing->event);
}

static fmp_status read_later(fmp_tensor *const *t, fmp_items *r)
{
  fmp__thread_stream *s;
  FMP_TRY(fmp__stream_of_thread(r->device, &s));
  FMP_TRY(fmp__stream_enter(r->device, s->stream));
  const fmp_status status = enqueue(t, s->stream, r);
  fmp__stream_leave(r->device, s->stream);
  return status;
}

fmp_status fmp_items_read(fmp_tensor *const *t, int32_t n, fmp_items **items)
{
  FMP_TRY(fmp__require_array(t, n, "tensors"));
  FMP_TRY(check(t, n));
  fmp_items *r = fmp__alloc_zeroed(1, sizeof *r);
  if (!r) return fmp__no_memory("a number to be read");
  r->device = t[0]->device;
  r->n = n;
  for (int32_t i = 0; i < n; i++) r->dtypes[i] = t[i]->spec.dtype;
  const fmp_status status = fmp__device_has_events(r->device) ? read_later(t, r) : read_now(t, r);
  if (status != FMP_OK)
    fmp_items_release(r);
  else
    *items = r;
  return status;
}

/* Once only are they waited for: the landing may then serve others. */
static fmp_status arrive(fmp_items *r)
{
  if (!r->landing) return FMP_OK;
  FMP_TRY(fmp__event_sync(r->device, r->landing->event));
  memcpy(r->here, r->landing->numbers, LANDING_BYTES);
  give_back(r->device, r->landing);
  r->landing = NULL;
  return FMP_OK;
}

fmp_status fmp_items_wait(fmp_items *r, double *values)
{
  FMP_TRY(fmp__require(r, "numbers that are being read"));
  FMP_TRY(fmp__require(values, "room for the numbers"));
  FMP_TRY(arrive(r));
  for (int32_t i = 0; i < r->n; i++) values[i] = fmp__number_to_double(r->dtypes[i], &r->here[i]);
  return FMP_OK;
}

void fmp_items_release(fmp_items *r)
{
  if (!r) return;
  if (r->landing) give_back(r->device, r->landing);
  fmp__free(r);
}
