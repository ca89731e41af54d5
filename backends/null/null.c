/* SPDX-License-Identifier: Apache-2.0
 *
 * The null device takes every op and computes nothing: shapes, gradients, plans and memory can be
 * tried without arithmetic, and it shows how little a backend needs.
 *
 * It is not FMP_BACKEND_HOST, so the engine takes its memory to be out of the host's reach and
 * moves bytes by copy(), as it would for an accelerator. The memory is ordinary all the same, and
 * is cleared when it is allocated: reading an output that no kernel has written gives zeros, or
 * what the memory held in an earlier use, and never bytes that were not initialised. */
#include "fmp/plugin.h"

#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 64 };

/* There is no state: all devices and streams of this backend are alike. */
static fmp_status open_device(const fmp_device_args *args, void **device)
{
  (void)args;
  *device = NULL;
  return FMP_OK;
}

static fmp_status alloc_memory(const fmp_memory_args *args, void **memory)
{
  const size_t bytes = args->bytes, rest = bytes % ALIGNMENT;
  const size_t padding = rest ? ALIGNMENT - rest : 0;
  void *m = bytes > SIZE_MAX - padding ? NULL : aligned_alloc(ALIGNMENT, bytes + padding);
  FMP_REQUIRE(args->host, m != NULL, FMP_ENOMEM, "null: no memory for %zu bytes", bytes);
  memset(m, 0, bytes + padding);
  *memory = m;
  return FMP_OK;
}

static void free_memory(const fmp_memory_args *args) { free(args->memory); }

static fmp_status copy(const fmp_copy_args *args)
{
  if (args->bytes > 0) memmove(args->target, args->source, args->bytes);
  return FMP_OK;
}

/* Nothing was asked for that could be left undone. */
static fmp_status run(const fmp_call *call)
{
  (void)call;
  return FMP_OK;
}

static const fmp_backend_def backend = {
    .struct_size = sizeof(fmp_backend_def),
    .name = "null",
    .doc = "Takes every op and computes nothing; outputs read as zeros or old values.",
    .open = open_device,
    .alloc = alloc_memory,
    .free = free_memory,
    .copy = copy,
};

/* "*": for every op that has no kernel of its own here. It reads nothing, so any strides will
 * do. */
static const fmp_kernel_def kernel = {
    .struct_size = sizeof(fmp_kernel_def),
    .op = "*",
    .backend = "null",
    .name = "null",
    .dtypes = FMP_ANY_DTYPE,
    .flags = FMP_KERNEL_STRIDED,
    .run = run,
};

static fmp_status load(const fmp_host *h, fmp_registry *r)
{
  FMP_TRY(h->add_backend(r, &backend));
  return h->add_kernel(r, &kernel);
}

FMP_PLUGIN("null", "1.0", "a device that computes nothing", load);
