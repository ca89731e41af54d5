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

static fmp_status count(const fmp_device_args *a, int32_t *n)
{
  (void)a;
  *n = 1;
  return fails_in("count");
}

static fmp_status open_device(const fmp_device_args *a, void **device)
{
  (void)a;
  *device = NULL;
  return fails_in("open");
}

static fmp_status alloc_memory(const fmp_memory_args *a, void **memory)
{
  FMP_TRY(fails_in("alloc"));
  *memory = aligned_alloc(64, (a->bytes + 63) / 64 * 64);
  return *memory ? FMP_OK : FMP_ENOMEM;
}

static void free_memory(const fmp_memory_args *a) { free(a->memory); }

static fmp_status stream_open(const fmp_stream_args *a, void **stream)
{
  (void)a;
  *stream = NULL;
  return fails_in("stream_open");
}

static fmp_status stream_wait(const fmp_stream_args *a)
{
  (void)a;
  return fails_in("stream_wait");
}

static fmp_status copy(const fmp_copy_args *a)
{
  FMP_TRY(fails_in("copy"));
  memcpy(a->target, a->source, a->bytes);
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
