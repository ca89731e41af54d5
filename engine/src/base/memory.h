/* SPDX-License-Identifier: Apache-2.0
 * The engine's host memory: counted, and able to fail on demand so that tests can
 * prove that no allocation failure does harm. Nothing else in the engine calls malloc. */
#ifndef FMP_MEMORY_H
#define FMP_MEMORY_H

#include <stddef.h>
#include <stdint.h>

/* 16-byte aligned; NULL if there is none. bytes 0 is allowed. */
void *fmp__alloc(size_t bytes);
/* The same, zeroed; NULL also where count * size overflows. */
void *fmp__alloc_zeroed(size_t count, size_t size);
/* On failure the old block stays. */
void *fmp__realloc(void *memory, size_t bytes);
void fmp__free(void *memory); /* NULL allowed */
/* NULL if text is NULL or memory is out. */
char *fmp__copy_text(const char *text);

/* Makes room for one more item: *items grows by doubling. Non-zero on success. */
int fmp__grow(void **items, uint32_t *room, uint32_t count, size_t item_size);

/* Counts one allocation; non-zero if it is to fail (see fmp_fail_allocation). */
int fmp__allocation_fails(void);
/* Device memory that the engine holds: part of fmp_live_bytes and fmp_tensor_bytes. */
void fmp__count_device_bytes(int64_t bytes);
void fmp__count_tensor_bytes(int64_t bytes);
/* All of it, and all that fmp__alloc gave: fmp_live_bytes with what threads keep for reuse. */
int64_t fmp__bytes_held(void);

#endif
