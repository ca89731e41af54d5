/* SPDX-License-Identifier: Apache-2.0
 *
 * The engine's host memory: counted, and able to fail on demand, so that tests can show that no
 * failed allocation does harm. Everything in the engine is allocated here, except what libraries
 * allocate for themselves (jansson, the C library). */
#ifndef FMP_MEMORY_H
#define FMP_MEMORY_H

#include <stddef.h>
#include <stdint.h>

/* 16-byte aligned, not cleared; NULL if there is none. bytes may be 0. */
void *fmp__alloc(size_t bytes);
/* The same, zeroed; NULL also if count * size overflows. */
void *fmp__alloc_zeroed(size_t count, size_t size);
/* If it fails, the old block is still there. */
void *fmp__realloc(void *memory, size_t bytes);
void fmp__free(void *memory); /* NULL allowed */
/* NULL if text is NULL or there is no memory. */
char *fmp__copy_text(const char *text);

/* Makes room for item number `count`: *items grows to twice its room, from 8 on. Returns 0, with
 * nothing changed, if there is no memory. */
int fmp__grow(void **items, uint32_t *room, uint32_t count, size_t item_size);

/* Counts one allocation; non-zero if it is the one that a test wants to fail. Called for device
 * memory and for reused memory too, so that every place where memory could run out is reached. */
int fmp__allocation_fails(void);
/* Adds to (or, negative, takes from) the device memory that the engine holds, and from that what
 * belongs to tensors: see fmp_live_bytes and fmp_tensor_bytes. */
void fmp__count_device_bytes(int64_t bytes);
void fmp__count_tensor_bytes(int64_t bytes);
/* Device memory and all of fmp__alloc's, including what threads keep for reuse, which
 * fmp_live_bytes leaves out. */
int64_t fmp__bytes_held(void);

#endif
