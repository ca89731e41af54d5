/* SPDX-License-Identifier: Apache-2.0
 *
 * Structs of any age: how a plugin or program that was built against another minor version
 * exchanges structs with us. Each side reads what both know;
 * docs/decisions/structs-grow-at-their-end.md. */
#ifndef FMP_SIZED_H
#define FMP_SIZED_H

#include "fmp/plugin.h"

/* What is known of a struct on our side. */
typedef struct fmp__sizes {
  size_t least; /* the end of the last field without which it is useless */
  size_t known; /* sizeof ours */
} fmp__sizes;

/* Copies `size` bytes from *from into a struct of `known` bytes. What the sender lacks becomes
 * zero; what it has beyond our knowledge must be zero, or it asks for something that we would
 * silently not do. FMP_EPLUGIN "what: expected ...": then *to is all zero, so nothing in it needs
 * freeing. */
fmp_status fmp__copy_sized(const char *what, const void *from, size_t size, fmp__sizes sizes,
                           void *to);

/* The other way: fills a struct of the caller's, who has set its struct_size, from *filled, which
 * is ours and whose struct_size is its sizeof. Fields that only the caller knows become zero.
 * FMP_EINVAL: struct_size cannot be right. */
fmp_status fmp__give_sized(const char *what, const void *filled, void *to);

#endif
