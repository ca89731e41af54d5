/* SPDX-License-Identifier: Apache-2.0
 * A backend of which one function fails: the environment's FMP_TEST_CASE names it. FMP_TEST_STATUS
 * is with which status (not set: one that nobody knows), FMP_TEST_TEXT what it says (not set:
 * nothing). */
#include "hostile.h"

#include <stdlib.h>
#include <string.h>

enum { NO_STATUS = 4711 };

static const fmp_host *host;

static fmp_status fails_in(const char *function)
{
  const char *wanted = getenv("FMP_TEST_CASE"), *number = getenv("FMP_TEST_STATUS"),
             *text = getenv("FMP_TEST_TEXT");
  if (!wanted || strcmp(wanted, function) != 0) return FMP_OK;
  const fmp_status status = number ? atoi(number) : NO_STATUS;
  return text ? host->fail(status, "%s", text) : status;
}

static fmp_status count(const fmp_host *h, int32_t *n)
{
  (void)h;
  *n = 1;
  return fails_in("count");
}

static fmp_status open_device(const fmp_host *h, int32_t index, void **device)
{
  (void)h, (void)index;
  *device = NULL;
  return fails_in("open");
}

static fmp_status alloc_memory(void *device, size_t bytes, void **memory)
{
  (void)device;
  FMP_TRY(fails_in("alloc"));
  *memory = aligned_alloc(64, (bytes + 63) / 64 * 64);
  return *memory ? FMP_OK : FMP_ENOMEM;
}

static void free_memory(void *device, void *memory)
{
  (void)device;
  free(memory);
}

static fmp_status stream_open(void *device, int32_t serial, void **stream)
{
  (void)device, (void)serial;
  *stream = NULL;
  return fails_in("stream_open");
}

static fmp_status stream_wait(void *device, void *stream)
{
  (void)device, (void)stream;
  return fails_in("stream_wait");
}

static fmp_status copy(void *device, void *stream, int32_t direction, void *target,
                       const void *source, size_t bytes)
{
  (void)device, (void)stream, (void)direction;
  FMP_TRY(fails_in("copy"));
  memcpy(target, source, bytes);
  return FMP_OK;
}

static fmp_status load(const fmp_host *h, fmp_registry *r)
{
  const fmp_backend_def def = {.struct_size = sizeof def,
                               .name = "hostile_device",
                               .doc = "Fails.",
                               .count = count,
                               .open = open_device,
                               .alloc = alloc_memory,
                               .free = free_memory,
                               .stream_open = stream_open,
                               .stream_wait = stream_wait,
                               .copy = copy};
  host = h;
  return h->add_backend(r, &def);
}

FMP_PLUGIN("device", "1.0", "a device that fails", load);
