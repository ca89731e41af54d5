/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers beside tensors, as in x * 2. On a device whose memory is not the host's each would be an
 * allocation and a copy, so a thread keeps the last ones that it used, by value. */
#include <string.h>

#include "base/hash.h"
#include "base/thread.h"
#include "device/tensor.h"
#include "fmp/api.h"

/* A number has one place, where a later one takes over. */
enum { PLACES = 32 };

typedef struct place {
  fmp_tensor *t; /* NULL: free */
  fmp_device *device;
  uint64_t bits; /* of the value as a double: 0 and -0 differ, and NaN equals itself */
  uint32_t dtype;
} place;

static _Thread_local place places[PLACES];

static void free_places(void)
{
  for (int i = 0; i < PLACES; i++) fmp_tensor_release(places[i].t);
  memset(places, 0, sizeof places);
}

static place *place_of(const fmp_device *device, uint32_t dtype, uint64_t bits)
{
  const uint64_t hash = fmp__hash_number(fmp__hash_number(dtype, bits), (uintptr_t)device);
  return &places[hash % PLACES];
}

static int is_for(const place *p, const fmp_device *device, uint32_t dtype, uint64_t bits)
{
  return p->t && p->device == device && p->dtype == dtype && p->bits == bits;
}

/* Whoever has the tensor may have emptied it. */
static int is_whole(const place *p) { return p->t->storage != NULL; }

fmp_status fmp_tensor_constant(fmp_device *device, uint32_t dtype, double value, fmp_tensor **t)
{
  uint64_t bits;
  fmp_tensor *made;
  if (!device) FMP_TRY(fmp_device_default(&device));
  if (fmp__device_is_host(device)) return fmp_tensor_number(device, dtype, value, t);
  memcpy(&bits, &value, sizeof bits);
  place *p = place_of(device, dtype, bits);
  if (!is_for(p, device, dtype, bits) || !is_whole(p)) {
    FMP_TRY(fmp_tensor_number(device, dtype, value, &made));
    fmp_tensor_release(p->t);
    *p = (place){made, device, bits, dtype};
    fmp__thread_at_end(FMP__END_CONSTANTS, free_places);
  }
  *t = fmp_tensor_retain(p->t);
  return FMP_OK;
}
