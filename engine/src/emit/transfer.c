/* SPDX-License-Identifier: Apache-2.0
 *
 * Elements into tensors and out of them: from and to the host, and between devices. It stands on
 * this floor because a strided tensor is made contiguous by an op. Reading waits for the bytes;
 * writing does not, since a backend that copies later has taken them when it returns. */
#include <inttypes.h>

#include "base/memory.h"
#include "base/number.h"
#include "base/status.h"
#include "define/spec.h"
#include "device/stream.h"
#include "device/tensor.h"
#include "emit/eager.h"
#include "fmp/api.h"

/* -- bytes in and out ------------------------------------------------------ */

/* A wrong count is a caller's misunderstanding of the spec; reading less or more would hide it. */
static fmp_status check_bytes(const fmp_tensor *t, const void *data, int64_t bytes)
{
  char text[FMP_SPEC_TEXT];
  FMP_TRY(fmp__tensor_require(t));
  const int64_t wanted = fmp__spec_bytes(&t->spec);
  FMP_TRY(fmp__require_array(data, bytes, "memory for the elements"));
  if (bytes == wanted) return FMP_OK;
  return fmp__fail(FMP_EINVAL, "expected %" PRId64 " bytes for %s, got %" PRId64, wanted,
                   fmp_spec_text(&t->spec, text), bytes);
}

/* On the thread's own stream: it is ordered behind whatever was enqueued for the tensor, on this
 * stream or another (stream.c). */
static fmp_status copy_bytes(fmp_device *device, int32_t direction, void *target,
                             const void *source, int64_t bytes)
{
  fmp__thread_stream *s;
  if (bytes == 0) return FMP_OK;
  FMP_TRY(fmp__stream_of_thread(device, &s));
  FMP_TRY(fmp__stream_enter(device, s->stream));
  fmp_status status = fmp__device_copy(device, s->stream, direction, target, source, (size_t)bytes);
  if (status == FMP_OK && direction == FMP_COPY_TO_HOST)
    status = fmp__stream_wait(device, s->stream);
  fmp__stream_leave(device, s->stream);
  return status;
}

fmp_status fmp_tensor_read(const fmp_tensor *t, void *data, int64_t bytes)
{
  FMP_TRY(fmp__require(t, "a tensor"));
  FMP_TRY(check_bytes(t, data, bytes));
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

/* Into a view, but not into a strided one: there is no op that scatters, and a copy would lose the
 * write. */
fmp_status fmp_tensor_write(fmp_tensor *t, const void *data, int64_t bytes)
{
  FMP_TRY(fmp__require(t, "a tensor"));
  FMP_TRY(check_bytes(t, data, bytes));
  if (!fmp__tensor_is_contiguous(t))
    return fmp__fail(FMP_EINVAL, "expected a contiguous tensor to write to, got a strided view");
  return copy_bytes(t->device, FMP_COPY_TO_DEVICE, (char *)t->storage->memory + t->offset, data,
                    bytes);
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

fmp_status fmp_tensor_item(const fmp_tensor *t, double *value)
{
  fmp__number number;
  FMP_TRY(fmp__tensor_require_one(t));
  FMP_TRY(fmp_tensor_read(t, &number, fmp_dtype_size(t->spec.dtype)));
  *value = fmp__number_to_double(t->spec.dtype, &number);
  return FMP_OK;
}

/* Through host memory, which every pair of backends can do, whoever made them. */
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

/* The tensor itself if it is there already, also without a value: in a trace this must do
 * nothing. */
fmp_status fmp_tensor_to(fmp_tensor *t, fmp_device *device, fmp_tensor **copy)
{
  FMP_TRY(fmp__require(t, "a tensor"));
  if (!device) FMP_TRY(fmp_device_default(&device));
  if (t->device == device) {
    *copy = fmp_tensor_retain(t);
    return FMP_OK;
  }
  FMP_TRY(fmp__tensor_require(t));
  return copy_across(t, device, copy);
}
