/* SPDX-License-Identifier: Apache-2.0
 *
 * The null device takes every op and computes nothing: shapes, gradients, plans and memory
 * can be tried without arithmetic, and it shows how little a backend needs.
 *
 * It is not FMP_BACKEND_HOST, so the engine treats its memory as out of the host's reach
 * and moves bytes by copy(), as it would for an accelerator. The memory is there and is
 * cleared when allocated: reading an output that no kernel wrote gives zeros, or what
 * the memory held before it was used again, and never bytes that were not initialised.
 */
#include "fmp/plugin.h"

#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 64 };

/* There is no state: the device is the host's table, which fail() needs. */
static fmp_status open_device(const fmp_host *h, int32_t index, void **device)
{
  FMP_REQUIRE(h, index == 0, FMP_EDEVICE, "expected device 0, the only one, got %d", (int)index);
  *device = (void *)(uintptr_t)h;
  return FMP_OK;
}

static fmp_status alloc_memory(void *device, size_t bytes, void **memory)
{
  const fmp_host *h = device;
  const size_t rest = bytes % ALIGNMENT;
  const size_t padding = rest ? ALIGNMENT - rest : 0;
  void *m = bytes > SIZE_MAX - padding ? NULL : aligned_alloc(ALIGNMENT, bytes + padding);
  FMP_REQUIRE(h, m != NULL, FMP_ENOMEM, "null: no memory for %zu bytes", bytes);
  memset(m, 0, bytes + padding);
  *memory = m;
  return FMP_OK;
}

static void free_memory(void *device, void *memory)
{
  (void)device;
  free(memory);
}

static fmp_status copy(void *device, void *stream, int32_t direction, void *target,
                       const void *source, size_t bytes)
{
  (void)device, (void)stream, (void)direction;
  if (bytes > 0) memmove(target, source, bytes);
  return FMP_OK;
}

/* Done: nothing was asked for that could be left undone. */
static fmp_status run(const fmp_call *call)
{
  (void)call;
  return FMP_OK;
}

static fmp_status load(const fmp_host *h, fmp_registry *r)
{
  static const fmp_backend_def backend = {
      .struct_size = sizeof backend,
      .name = "null",
      .doc = "Takes every op and computes nothing; outputs read as zeros or old values.",
      .open = open_device,
      .alloc = alloc_memory,
      .free = free_memory,
      .copy = copy,
  };
  static const fmp_kernel_def kernel = {
      .struct_size = sizeof kernel,
      .op = "*",
      .backend = "null",
      .name = "null",
      .dtypes = FMP_ANY_DTYPE,
      .flags = FMP_KERNEL_STRIDED,
      .run = run,
  };
  FMP_TRY(h->add_backend(r, &backend));
  return h->add_kernel(r, &kernel);
}

FMP_PLUGIN("null", "1.0", "a device that computes nothing", load);
