/* SPDX-License-Identifier: Apache-2.0
 *
 * Counting references to resources. The count is atomic: params blocks that hold the resource are
 * freed on whatever thread lets go of a graph or plan last. */
#include "define/handle.h"

fmp_resource *fmp_resource_retain(fmp_resource *r)
{
  if (r) atomic_fetch_add(&r->references, 1);
  return r;
}

void fmp_resource_release(fmp_resource *r)
{
  if (r && atomic_fetch_sub(&r->references, 1) == 1) r->end(r);
}

const char *fmp_resource_name(const fmp_resource *r) { return r ? r->kind : NULL; }
