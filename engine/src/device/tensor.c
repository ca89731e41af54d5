/* SPDX-License-Identifier: Apache-2.0
 *
 * Making, sharing and ending tensors. An eager op makes one storage and one tensor for each output,
 * so this is the path that small ops spend their time in. */
#include "device/tensor.h"

#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "base/thread.h"
#include "define/spec.h"

/* Small tensors in host memory get room for this many bytes whatever their size, so that any
 * fits. */
enum { SMALL_BYTES = 64 };

/* Each thread keeps tensors, and small memory, for reuse. Lua's collector drops them more than ten
 * thousand at a time, and malloc answers by merging and splitting chunks, which took 40 % of an
 * eager add. Measured, an eager add of 4 numbers from Lua: 1.85 us without spares, 1.17 with 4,096
 * of them, 0.95 with 16,384. The address sanitizer is to see every free, so there are none under
 * it. */
#if defined(__SANITIZE_ADDRESS__)
#define MAX_SPARES 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MAX_SPARES 0
#endif
#endif
#ifndef MAX_SPARES
#define MAX_SPARES 16384
#endif

/* What this thread keeps for reuse. All storages here have SMALL_BYTES of host memory and no
 * reference; all tensors have given up storage, name and graph. Both lists give back first what
 * came last, which is what the caches still hold. */
static _Thread_local struct {
  fmp_tensor *tensors;
  fmp__storage *storages;
  uint32_t n_tensors, n_storages;
} spares;

static void free_spares(void);

/* The last storage's number. 64 bits do not run out. */
static atomic_uint_fast64_t last_id;

/* -- storage --------------------------------------------------------------- */

static int64_t room_for(const fmp_device *device, int64_t bytes)
{
  return bytes <= SMALL_BYTES && fmp__device_is_host(device) ? SMALL_BYTES : bytes;
}

/* Takes over a storage without references, or returns 0 and it is to be freed. */
static int keep_storage(fmp__storage *s)
{
  if (spares.n_storages == MAX_SPARES || s->room != SMALL_BYTES || !fmp__device_is_host(s->device))
    return 0;
  fmp__thread_at_end(FMP__END_SPARES, free_spares);
  s->next = spares.storages;
  spares.storages = s;
  spares.n_storages++;
  return 1;
}

/* The spare that was kept last. NULL if a test wants an allocation to fail: reuse counts as one, so
 * that tests reach the same places with spares as without. */
static fmp__storage *take_storage(void)
{
  fmp__storage *s = spares.storages;
  if (fmp__allocation_fails()) return NULL;
  spares.storages = s->next;
  spares.n_storages--;
  return s;
}

/* Only the last one kept is looked at. A thread that uses two host devices by turns may miss a
 * spare, and then allocates. */
static int has_storage(const fmp_device *device, int64_t room)
{
  const fmp__storage *s = spares.storages;
  return s && room == SMALL_BYTES && s->device == device;
}

/* On failure nothing is left, and the text says how much was wanted and where. */
static fmp_status allocate_storage(fmp_device *device, int64_t room, fmp__storage **storage)
{
  fmp__storage *s = fmp__alloc_zeroed(1, sizeof *s);
  if (!s) return fmp__no_memory("a tensor");
  s->device = device;
  s->room = room;
  const fmp_status status = fmp__device_alloc(device, room, &s->memory);
  if (status != FMP_OK) {
    fmp__free(s);
    return status;
  }
  *storage = s;
  return FMP_OK;
}

/* `bytes` counts as a tensor's, not `room`: what a collector should watch is what users made. */
fmp_status fmp__storage_new(fmp_device *device, int64_t bytes, fmp__storage **storage)
{
  const int64_t room = room_for(device, bytes);
  fmp__storage *s = NULL;
  if (!has_storage(device, room))
    FMP_TRY(allocate_storage(device, room, &s));
  else if (!(s = take_storage()))
    return fmp__no_memory("a tensor");
  atomic_init(&s->references, 1);
  s->id = atomic_fetch_add_explicit(&last_id, 1, memory_order_relaxed) + 1;
  s->bytes = bytes;
  fmp__count_tensor_bytes(bytes);
  *storage = s;
  return FMP_OK;
}

fmp__storage *fmp__storage_retain(fmp__storage *storage)
{
  atomic_fetch_add(&storage->references, 1);
  return storage;
}

static void free_storage(fmp__storage *s)
{
  fmp__device_free(s->device, s->memory, s->room);
  fmp__free(s);
}

/* The last reference may go on any thread; the spare is then kept by that thread. */
void fmp__storage_release(fmp__storage *storage)
{
  if (!storage || atomic_fetch_sub(&storage->references, 1) != 1) return;
  fmp__count_tensor_bytes(-storage->bytes);
  if (!keep_storage(storage)) free_storage(storage);
}

/* -- making and ending ----------------------------------------------------- */

static int keep_tensor(fmp_tensor *t)
{
  if (spares.n_tensors == MAX_SPARES) return 0;
  fmp__thread_at_end(FMP__END_SPARES, free_spares);
  t->next = spares.tensors;
  spares.tensors = t;
  spares.n_tensors++;
  return 1;
}

static fmp_tensor *take_tensor(void) /* NULL as in take_storage() */
{
  fmp_tensor *t = spares.tensors;
  if (fmp__allocation_fails()) return NULL;
  spares.tensors = t->next;
  spares.n_tensors--;
  return t;
}

/* What this thread keeps for reuse is not live. It is subtracted here, when somebody asks: counting
 * spares as they come and go would cost more than keeping them saves. */
int64_t fmp_live_bytes(void)
{
  return fmp__bytes_held() - (int64_t)sizeof(fmp_tensor) * spares.n_tensors -
         (int64_t)(sizeof(fmp__storage) + SMALL_BYTES) * spares.n_storages;
}

static void free_spares(void)
{
  for (fmp_tensor *t; (t = spares.tensors); spares.n_tensors--) {
    spares.tensors = t->next;
    fmp__free(t);
  }
  for (fmp__storage *s; (s = spares.storages); spares.n_storages--) {
    spares.storages = s->next;
    free_storage(s);
  }
}

/* The assignment clears all that a spare may have left, including `next`. */
fmp_status fmp__tensor_bare(fmp_device *device, const fmp_spec *spec, fmp_tensor **t)
{
  const int is_spare = spares.tensors != NULL;
  fmp_tensor *made = is_spare ? take_tensor() : fmp__alloc(sizeof *made);
  if (!made) return fmp__no_memory("a tensor");
  *made = (fmp_tensor){.device = device, .spec = *spec};
  atomic_init(&made->references, 1);
  fmp__spec_tidy(&made->spec);
  fmp__strides_of(spec, made->strides);
  *t = made;
  return FMP_OK;
}

fmp_status fmp_tensor_new(fmp_device *device, const fmp_spec *spec, fmp_tensor **t)
{
  fmp_tensor *made;
  if (!device) FMP_TRY(fmp_device_default(&device));
  FMP_TRY(fmp__spec_check(spec));
  FMP_TRY(fmp__tensor_bare(device, spec, &made));
  const fmp_status status = fmp__storage_new(device, fmp__spec_bytes(spec), &made->storage);
  if (status != FMP_OK) {
    fmp_tensor_release(made);
    return status;
  }
  *t = made;
  return FMP_OK;
}

fmp_tensor *fmp_tensor_retain(fmp_tensor *t)
{
  if (t) atomic_fetch_add(&t->references, 1);
  return t;
}

/* Nothing is done about t->graph: while a graph knows a tensor it holds a reference, so the last
 * one cannot go before the graph has let go. */
void fmp_tensor_release(fmp_tensor *t)
{
  if (!t || atomic_fetch_sub(&t->references, 1) != 1) return;
  fmp__storage_release(t->storage);
  fmp__free(t->name);
  if (!keep_tensor(t)) fmp__free(t);
}

/* Gives up the memory at once. Handles stay valid and say that they are empty: a recording empties
 * what it does not return, whoever still holds it
 * (docs/decisions/recordings-empty-their-values.md). */
void fmp_tensor_empty(fmp_tensor *t)
{
  if (!t) return;
  fmp__storage_release(t->storage);
  t->storage = NULL;
  t->emptied = 1;
}

/* -- asking ---------------------------------------------------------------- */

void fmp_tensor_spec(const fmp_tensor *t, fmp_spec *spec) { *spec = t ? t->spec : (fmp_spec){0}; }

fmp_device *fmp_tensor_device(const fmp_tensor *t) { return t ? t->device : NULL; }

int fmp__tensor_is_empty(const fmp_tensor *t) { return !t->storage && (!t->graph || t->emptied); }

int32_t fmp_tensor_state(const fmp_tensor *t)
{
  if (!t) return 2;
  return t->storage ? 0 : fmp__tensor_is_empty(t) ? 2 : 1;
}

void fmp_tensor_set_parameter(fmp_tensor *t, int32_t on)
{
  if (t) t->is_parameter = on != 0;
}

int32_t fmp_tensor_is_parameter(const fmp_tensor *t) { return t && t->is_parameter; }

fmp_status fmp_tensor_set_name(fmp_tensor *t, const char *name)
{
  FMP_TRY(fmp__require(t, "a tensor"));
  char *copy = fmp__copy_text(name);
  if (name && !copy) return fmp__no_memory("a tensor's name");
  fmp__free(t->name);
  t->name = copy;
  return FMP_OK;
}

const char *fmp_tensor_name(const fmp_tensor *t) { return t ? t->name : NULL; }

/* Two different mistakes with two different remedies, so two texts. */
fmp_status fmp__tensor_require(const fmp_tensor *t)
{
  char text[FMP_SPEC_TEXT];
  FMP_TRY(fmp__require(t, "a tensor"));
  if (t->storage) return FMP_OK;
  fmp_spec_text(&t->spec, text);
  if (!fmp__tensor_is_empty(t))
    return fmp__fail(FMP_ESTATE,
                     "%s has no value while tracing: inside a compiled function values cannot be "
                     "read; return the tensor and read it outside",
                     text);
  return fmp__fail(FMP_ESTATE,
                   "%s is empty: it was freed, or made inside a recording or compiled function "
                   "and not returned from it",
                   text);
}

/* Any rank will do: a loss of shape [1,1] is a number as well. */
fmp_status fmp__tensor_require_one(const fmp_tensor *t)
{
  char text[FMP_SPEC_TEXT];
  FMP_TRY(fmp__tensor_require(t));
  if (fmp__spec_size(&t->spec) == 1) return FMP_OK;
  return fmp__fail(FMP_ESHAPE, "expected one element, got %s", fmp_spec_text(&t->spec, text));
}

void fmp__tensors_release(fmp_tensor **tensors, uint32_t n)
{
  for (uint32_t i = 0; i < n; i++) {
    fmp_tensor_release(tensors[i]);
    tensors[i] = NULL;
  }
}

int fmp__tensor_is_contiguous(const fmp_tensor *t)
{
  return fmp__is_contiguous(&t->spec, t->strides);
}

void fmp__tensor_view(const fmp_tensor *t, fmp_view *view)
{
  memset(view, 0, sizeof *view);
  view->data = t->storage ? (char *)t->storage->memory + t->offset : NULL;
  view->dtype = t->spec.dtype;
  view->rank = t->spec.rank;
  memcpy(view->shape, t->spec.shape, sizeof view->shape);
  memcpy(view->strides, t->strides, sizeof view->strides);
}

/* -- views of another tensor's memory -------------------------------------- */

/* The op has put its data pointer somewhere relative to base's; only the distance counts. It is
 * compared with the storage's own `bytes`, not with its room, so that no view reaches into what is
 * not its tensor's. */
fmp_status fmp__tensor_alias(const fmp_tensor *base, const fmp_spec *spec, const fmp_view *view,
                             fmp_tensor **t)
{
  fmp_tensor *made;
  const int64_t offset = (int64_t)((intptr_t)view->data - (intptr_t)base->storage->memory);
  FMP_TRY(fmp__check_view(spec, view->strides, offset, base->storage->bytes));
  FMP_TRY(fmp__tensor_bare(base->device, spec, &made));
  memcpy(made->strides, view->strides, sizeof made->strides);
  made->offset = offset;
  made->storage = fmp__storage_retain(base->storage);
  *t = made;
  return FMP_OK;
}
