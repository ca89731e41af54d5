/* SPDX-License-Identifier: Apache-2.0
 * The handle of a resource, as attributes hold it: counted, with the name of its kind. What it is
 * a handle of is the business of whoever made it. */
#ifndef FMP_HANDLE_H
#define FMP_HANDLE_H

#include <stdatomic.h>

#include "fmp/api.h"

struct fmp_resource {
  atomic_int_fast32_t references;
  const char *kind;             /* its name, which stays: kinds are never unregistered */
  void (*end)(fmp_resource *r); /* when the last reference goes */
};

#endif
