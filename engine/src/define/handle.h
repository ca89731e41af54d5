/* SPDX-License-Identifier: Apache-2.0
 *
 * The handle of a resource, as attributes hold it: a count, and the name of its kind. It stands on
 * this floor so that params blocks can hold resources; what is behind the handle is the business of
 * whoever made it (plugin/resource.c), which embeds this struct as its first member. */
#ifndef FMP_HANDLE_H
#define FMP_HANDLE_H

#include <stdatomic.h>

#include "fmp/api.h"

struct fmp_resource {
  atomic_int_fast32_t references;
  const char *kind;             /* its name, borrowed: kinds are never unregistered */
  void (*end)(fmp_resource *r); /* called when the last reference goes, on that thread */
};

#endif
