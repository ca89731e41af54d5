/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers beside tensors, as in x * 2. On a device whose memory is not the host's each would be an
 * allocation and a copy, so a thread keeps the last ones that it used, by value. */
#include <string.h>

#include "base/thread.h"
#include "device/tensor.h"
#include "fmp/api.h"

enum { PLACES = 32 };

typedef struct place {
  fmp_tensor *t; /* NULL: free */
  fmp_device *device;
  uint64_t bits; /* of the value as a double: 0 and -0 differ, and NaN equals itself */
  uint32_t dtype;
} place;

static _Thread_local place places[PLACES];
static _Thread_local int oldest; /* the place that the next new number takes */

static void free_places(void)
{
  for (int i = 0; i < PLACES; i++) fmp_tensor_release(places[i].t);
  memset(places, 0, sizeof places);
}

/* Whoever had the tensor may have emptied it: then it is made anew. */
static fmp_tensor *find(const fmp_device *device, uint32_t dtype, uint64_t bits)
{
  for (int i = 0; i < PLACES; i++) {
    const place *p = &places[i];
    if (p->t && p->bits == bits && p->dtype == dtype && p->device == device && p->t->storage)
      return p->t;
  }
  return NULL;
}

static void keep(fmp_tensor *t, uint64_t bits)
{
  place *p = &places[oldest];
  fmp_tensor_release(p->t);
  *p = (place){fmp_tensor_retain(t), t->device, bits, t->spec.dtype};
  oldest = (oldest + 1) % PLACES;
  fmp__thread_at_end(FMP__END_CONSTANTS, free_places);
}

fmp_status fmp_tensor_constant(fmp_device *device, uint32_t dtype, double value, fmp_tensor **t)
{
  uint64_t bits;
  if (!device) FMP_TRY(fmp_device_default(&device));
  if (fmp__device_is_host(device)) return fmp_tensor_number(device, dtype, value, t);
  memcpy(&bits, &value, sizeof bits);
  fmp_tensor *kept = find(device, dtype, bits);
  if (kept) {
    *t = fmp_tensor_retain(kept);
    return FMP_OK;
  }
  FMP_TRY(fmp_tensor_number(device, dtype, value, t));
  keep(*t, bits);
  return FMP_OK;
}
