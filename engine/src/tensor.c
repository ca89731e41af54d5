/* SPDX-License-Identifier: Apache-2.0 */
#include "tensor.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "context.h"
#include "eager.h"
#include "memory.h"
#include "number.h"
#include "spec.h"
#include "status.h"

/* Small tensors in host memory have room for this many bytes, whatever their size. */
enum { SMALL_BYTES = 64 };

/* -- storage --------------------------------------------------------------- */

static int64_t room_for(const fmp_device *device, int64_t bytes)
{
  return bytes <= SMALL_BYTES && fmp__device_is_host(device) ? SMALL_BYTES : bytes;
}

fmp_status fmp__storage_new(fmp_device *device, int64_t bytes, fmp__storage **storage)
{
  fmp__storage *s = fmp__alloc_zeroed(1, sizeof *s);
  if (!s) return fmp__no_memory("a tensor");
  atomic_init(&s->references, 1);
  s->device = device;
  s->bytes = bytes;
  s->room = room_for(device, bytes);
  const fmp_status status = fmp__device_alloc(device, s->room, &s->memory);
  if (status != FMP_OK) {
    fmp__free(s);
    return status;
  }
  fmp__count_tensor_bytes(bytes);
  *storage = s;
  return FMP_OK;
}

fmp__storage *fmp__storage_retain(fmp__storage *storage)
{
  atomic_fetch_add(&storage->references, 1);
  return storage;
}

void fmp__storage_release(fmp__storage *storage)
{
  if (!storage || atomic_fetch_sub(&storage->references, 1) != 1) return;
  fmp__device_free(storage->device, storage->memory, storage->room);
  fmp__count_tensor_bytes(-storage->bytes);
  fmp__free(storage);
}

/* -- spares ---------------------------------------------------------------- */

/* Each eager op makes a tensor, and Lua's collector drops them more than ten thousand at a
 * time: malloc, which has few at hand, took 40 % of an eager add. So each thread keeps
 * small ones for reuse, with storage and memory. They do not count as live. Not under the
 * address sanitizer, which is to see every free. */
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

static void begin(fmp_tensor *t, fmp_device *device, const fmp_spec *spec)
{
  atomic_init(&t->references, 1);
  t->device = device;
  t->spec = *spec;
  fmp__spec_tidy(&t->spec);
  fmp__strides_of(spec, t->strides);
}

static void destroy(fmp_tensor *t)
{
  fmp__storage_release(t->storage);
  fmp__free(t->name);
  fmp__free(t);
}

static void count_spare(const fmp_tensor *t, int sign)
{
  fmp__count_device_bytes(sign * (int64_t)(sizeof *t + sizeof *t->storage + SMALL_BYTES));
  fmp__count_tensor_bytes(sign * t->storage->bytes);
}

/* Non-zero if the tensor, which nobody refers to any more, is kept. */
static int keep_spare(fmp_tensor *t)
{
  fmp__context *c = fmp__context_now();
  if (c->n_spares == MAX_SPARES || !t->storage || t->storage->room != SMALL_BYTES || t->name ||
      !fmp__device_is_host(t->device) || atomic_load(&t->storage->references) != 1)
    return 0;
  count_spare(t, -1);
  t->next = c->spares;
  c->spares = t;
  c->n_spares++;
  return 1;
}

static int has_spare(const fmp_device *device)
{
  const fmp__context *c = fmp__context_now();
  return c->spares && c->spares->device == device;
}

/* The last one that was kept, as a new tensor. */
static fmp_tensor *take_spare(const fmp_spec *spec)
{
  fmp__context *c = fmp__context_now();
  fmp_tensor *t = c->spares;
  c->spares = t->next;
  c->n_spares--;
  t->offset = 0;
  t->graph = NULL;
  t->is_parameter = 0;
  t->storage->bytes = fmp__spec_bytes(spec);
  atomic_init(&t->storage->references, 1);
  begin(t, t->device, spec);
  count_spare(t, 1);
  return t;
}

void fmp__spares_free(void)
{
  fmp__context *c = fmp__context_now();
  for (fmp_tensor *t; (t = c->spares); c->n_spares--) {
    c->spares = t->next;
    count_spare(t, 1);
    destroy(t);
  }
}

/* -- making and ending ----------------------------------------------------- */

fmp_status fmp__tensor_bare(fmp_device *device, const fmp_spec *spec, fmp_tensor **t)
{
  fmp_tensor *made = fmp__alloc_zeroed(1, sizeof *made);
  if (!made) return fmp__no_memory("a tensor");
  begin(made, device, spec);
  *t = made;
  return FMP_OK;
}

static fmp_status allocate_tensor(fmp_device *device, const fmp_spec *spec, fmp_tensor **t)
{
  fmp_tensor *made;
  FMP_TRY(fmp__tensor_bare(device, spec, &made));
  const fmp_status status = fmp__storage_new(device, fmp__spec_bytes(spec), &made->storage);
  if (status != FMP_OK) {
    fmp_tensor_release(made);
    return status;
  }
  *t = made;
  return FMP_OK;
}

fmp_status fmp_tensor_new(fmp_device *device, const fmp_spec *spec, fmp_tensor **t)
{
  if (!device) FMP_TRY(fmp_device_default(&device));
  FMP_TRY(fmp__spec_check(spec));
  if (fmp__spec_bytes(spec) > SMALL_BYTES || !has_spare(device))
    return allocate_tensor(device, spec, t);
  if (fmp__allocation_fails()) return fmp__no_memory("a tensor");
  *t = take_spare(spec);
  return FMP_OK;
}

fmp_status fmp_tensor_from(fmp_device *device, const fmp_spec *spec, const void *data,
                           int64_t bytes, fmp_tensor **t)
{
  fmp_tensor *made;
  FMP_TRY(fmp_tensor_new(device, spec, &made));
  const fmp_status status = fmp_tensor_write(made, data, bytes);
  if (status != FMP_OK) {
    fmp_tensor_release(made);
    return status;
  }
  *t = made;
  return FMP_OK;
}

fmp_status fmp_tensor_number(fmp_device *device, uint32_t dtype, double value, fmp_tensor **t)
{
  const fmp_spec spec = {.dtype = dtype};
  fmp__number number;
  FMP_TRY(fmp__spec_check(&spec));
  FMP_TRY(fmp__number_from_double(dtype, value, &number));
  return fmp_tensor_from(device, &spec, &number, fmp_dtype_size(dtype), t);
}

fmp_tensor *fmp_tensor_retain(fmp_tensor *t)
{
  atomic_fetch_add(&t->references, 1);
  return t;
}

void fmp_tensor_release(fmp_tensor *t)
{
  if (!t || atomic_fetch_sub(&t->references, 1) != 1) return;
  if (!keep_spare(t)) destroy(t);
}

void fmp_tensor_empty(fmp_tensor *t)
{
  fmp__storage_release(t->storage);
  t->storage = NULL;
}

/* -- asking ---------------------------------------------------------------- */

void fmp_tensor_spec(const fmp_tensor *t, fmp_spec *spec) { *spec = t->spec; }

fmp_device *fmp_tensor_device(const fmp_tensor *t) { return t->device; }

int32_t fmp_tensor_state(const fmp_tensor *t) { return t->storage ? 0 : t->graph ? 1 : 2; }

void fmp_tensor_set_parameter(fmp_tensor *t, int32_t on) { t->is_parameter = on != 0; }

int32_t fmp_tensor_is_parameter(const fmp_tensor *t) { return t->is_parameter; }

fmp_status fmp_tensor_set_name(fmp_tensor *t, const char *name)
{
  char *copy = fmp__copy_text(name);
  if (name && !copy) return fmp__no_memory("a tensor's name");
  fmp__free(t->name);
  t->name = copy;
  return FMP_OK;
}

const char *fmp_tensor_name(const fmp_tensor *t) { return t->name; }

fmp_status fmp__tensor_require(const fmp_tensor *t)
{
  char text[FMP_SPEC_TEXT];
  if (t->storage) return FMP_OK;
  fmp_spec_text(&t->spec, text);
  if (t->graph)
    return fmp__fail(FMP_ESTATE,
                     "%s has no value while tracing: inside a compiled function values cannot be "
                     "read; return the tensor and read it outside",
                     text);
  return fmp__fail(FMP_ESTATE,
                   "%s is empty: it was freed, or made inside a recording or compiled function "
                   "and not returned from it",
                   text);
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

/* Bytes from the view's data to the lowest and behind the highest element. */
static int view_extent(const fmp_spec *spec, const int64_t *strides, int64_t *low, int64_t *high)
{
  const int64_t element = fmp_dtype_size(spec->dtype);
  *low = 0;
  *high = 0;
  if (fmp__spec_size(spec) == 0) return 1;
  for (uint32_t i = 0; i < spec->rank; i++) {
    int64_t span;
    if (__builtin_mul_overflow(strides[i], spec->shape[i] - 1, &span)) return 0;
    if (__builtin_add_overflow(span < 0 ? *low : *high, span, span < 0 ? low : high)) return 0;
  }
  return !__builtin_mul_overflow(*low, element, low) && !__builtin_add_overflow(*high, 1, high) &&
         !__builtin_mul_overflow(*high, element, high);
}

fmp_status fmp__tensor_alias(const fmp_tensor *base, const fmp_spec *spec, const fmp_view *view,
                             fmp_tensor **t)
{
  int64_t low, high;
  fmp_tensor *made;
  const int64_t offset = (int64_t)((intptr_t)view->data - (intptr_t)base->storage->memory);
  if (!view_extent(spec, view->strides, &low, &high) || offset < 0 ||
      offset > base->storage->bytes || offset + low < 0 || high > base->storage->bytes - offset)
    return fmp__fail(FMP_EPLUGIN, "the view that the op made leaves its input's memory");
  FMP_TRY(fmp__tensor_bare(base->device, spec, &made));
  memcpy(made->strides, view->strides, sizeof made->strides);
  made->offset = offset;
  made->storage = fmp__storage_retain(base->storage);
  *t = made;
  return FMP_OK;
}

/* -- bytes in and out ------------------------------------------------------ */

static fmp_status check_bytes(const fmp_tensor *t, int64_t bytes)
{
  char text[FMP_SPEC_TEXT];
  FMP_TRY(fmp__tensor_require(t));
  const int64_t wanted = fmp__spec_bytes(&t->spec);
  if (bytes == wanted) return FMP_OK;
  return fmp__fail(FMP_EINVAL, "expected %" PRId64 " bytes for %s, got %" PRId64, wanted,
                   fmp_spec_text(&t->spec, text), bytes);
}

static fmp_status copy_bytes(fmp_device *device, int32_t direction, void *target,
                             const void *source, int64_t bytes)
{
  fmp__thread_stream *s;
  if (bytes == 0) return FMP_OK;
  FMP_TRY(fmp__context_stream(device, &s));
  FMP_TRY(fmp__device_copy(device, s->stream, direction, target, source, (size_t)bytes));
  return fmp__stream_wait(device, s->stream);
}

fmp_status fmp_tensor_read(const fmp_tensor *t, void *data, int64_t bytes)
{
  FMP_TRY(check_bytes(t, bytes));
  if (!fmp__tensor_is_contiguous(t)) {
    fmp_tensor *whole;
    FMP_TRY(fmp__eager_contiguous(t, &whole));
    const fmp_status status = fmp_tensor_read(whole, data, bytes);
    fmp_tensor_release(whole);
    return status;
  }
  const void *source = (const char *)t->storage->memory + t->offset;
  return copy_bytes(t->device, FMP_COPY_TO_HOST, data, source, bytes);
}

fmp_status fmp_tensor_write(fmp_tensor *t, const void *data, int64_t bytes)
{
  FMP_TRY(check_bytes(t, bytes));
  if (!fmp__tensor_is_contiguous(t))
    return fmp__fail(FMP_EINVAL, "expected a contiguous tensor to write to, got a strided view");
  return copy_bytes(t->device, FMP_COPY_TO_DEVICE, (char *)t->storage->memory + t->offset, data,
                    bytes);
}

fmp_status fmp_tensor_item(const fmp_tensor *t, double *value)
{
  fmp__number number;
  char text[FMP_SPEC_TEXT];
  FMP_TRY(fmp__tensor_require(t));
  if (fmp__spec_size(&t->spec) != 1)
    return fmp__fail(FMP_ESHAPE, "expected one element, got %s", fmp_spec_text(&t->spec, text));
  FMP_TRY(fmp_tensor_read(t, &number, fmp_dtype_size(t->spec.dtype)));
  *value = fmp__number_to_double(t->spec.dtype, &number);
  return FMP_OK;
}

/* Through host memory: what every pair of backends can do. */
static fmp_status copy_across(const fmp_tensor *t, fmp_device *device, fmp_tensor **copy)
{
  const int64_t bytes = fmp__spec_bytes(&t->spec);
  void *staging = fmp__alloc((size_t)bytes + 1);
  if (!staging) return fmp__no_memory("a copy between devices");
  fmp_status status = fmp_tensor_read(t, staging, bytes);
  if (status == FMP_OK) status = fmp_tensor_from(device, &t->spec, staging, bytes, copy);
  fmp__free(staging);
  return status;
}

fmp_status fmp_tensor_to(fmp_tensor *t, fmp_device *device, fmp_tensor **copy)
{
  if (t->device == device) {
    *copy = fmp_tensor_retain(t);
    return FMP_OK;
  }
  FMP_TRY(fmp__tensor_require(t));
  return copy_across(t, device, copy);
}
