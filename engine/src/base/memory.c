/* SPDX-License-Identifier: Apache-2.0
 *
 * Host memory with a count. Every block carries its size in front of it, because free() is not told
 * the size; 16 bytes, so that what follows keeps malloc's alignment.
 *
 * The counters are exact once no thread is in the middle of a call, which is all that leak tests
 * need. */
#include "base/memory.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "fmp/api.h"

/* The size stands in the first 8 of these; the other 8 keep the alignment. */
enum { HEADER_BYTES = 16 };

static atomic_int_fast64_t live_bytes;
static atomic_int_fast64_t tensor_bytes;

/* Per thread, so that a test can let one thread's allocations fail while others go on. -1: none is
 * to fail. */
static _Thread_local int64_t fail_after = -1;
static _Thread_local int64_t allocations;

void fmp_fail_allocation(int64_t after)
{
  fail_after = after;
  allocations = 0;
}

int64_t fmp_allocation_count(void) { return allocations; }

int64_t fmp__bytes_held(void) { return atomic_load(&live_bytes); }

int64_t fmp_tensor_bytes(void) { return atomic_load(&tensor_bytes); }

void fmp__count_device_bytes(int64_t bytes) { atomic_fetch_add(&live_bytes, bytes); }

void fmp__count_tensor_bytes(int64_t bytes) { atomic_fetch_add(&tensor_bytes, bytes); }

int fmp__allocation_fails(void)
{
  allocations++;
  if (fail_after < 0) return 0;
  return fail_after-- == 0;
}

static void *block_of(void *memory) { return (char *)memory - HEADER_BYTES; }

static size_t block_size(void *memory)
{
  size_t bytes;
  memcpy(&bytes, block_of(memory), sizeof bytes);
  return bytes;
}

/* Writes the header, counts, and returns what the caller may use. */
static void *finish_block(void *block, size_t bytes)
{
  memcpy(block, &bytes, sizeof bytes);
  atomic_fetch_add(&live_bytes, (int64_t)bytes);
  return (char *)block + HEADER_BYTES;
}

/* Sizes beyond SIZE_MAX / 2 are overflows of some product, and never real. */
void *fmp__alloc(size_t bytes)
{
  if (fmp__allocation_fails() || bytes > SIZE_MAX / 2) return NULL;
  void *block = malloc(bytes + HEADER_BYTES);
  return block ? finish_block(block, bytes) : NULL;
}

void *fmp__alloc_zeroed(size_t count, size_t size)
{
  if (size != 0 && count > SIZE_MAX / 2 / size) return NULL;
  void *memory = fmp__alloc(count * size);
  if (memory) memset(memory, 0, count * size);
  return memory;
}

void *fmp__realloc(void *memory, size_t bytes)
{
  if (!memory) return fmp__alloc(bytes);
  if (fmp__allocation_fails() || bytes > SIZE_MAX / 2) return NULL;
  const size_t old_bytes = block_size(memory);
  void *block = realloc(block_of(memory), bytes + HEADER_BYTES);
  if (!block) return NULL;
  atomic_fetch_sub(&live_bytes, (int64_t)old_bytes);
  return finish_block(block, bytes);
}

void fmp__free(void *memory)
{
  if (!memory) return;
  atomic_fetch_sub(&live_bytes, (int64_t)block_size(memory));
  free(block_of(memory));
}

char *fmp__copy_text(const char *text)
{
  if (!text) return NULL;
  const size_t bytes = strlen(text) + 1;
  char *copy = fmp__alloc(bytes);
  if (copy) memcpy(copy, text, bytes);
  return copy;
}

/* Doubling keeps the cost per item constant. UINT32_MAX / 4 items is far beyond what any graph or
 * file gets to, and keeps the products below from overflowing. */
int fmp__grow(void **items, uint32_t *room, uint32_t count, size_t item_size)
{
  if (count < *room) return 1;
  if (*room > UINT32_MAX / 4) return 0;
  const uint32_t new_room = *room ? *room * 2 : 8;
  void *grown = fmp__realloc(*items, new_room * item_size);
  if (!grown) return 0;
  *items = grown;
  *room = new_room;
  return 1;
}
