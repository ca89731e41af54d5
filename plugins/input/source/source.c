/* SPDX-License-Identifier: Apache-2.0 */
#include "source.h"

fmp_status source_of(const fmp_host *h, const fmp_resource *r, fmp_source_copy *s)
{
  const fmp_source *source = h->resource_state(r, FMP_SOURCE);
  FMP_REQUIRE(h, source != NULL, FMP_EINVAL,
              "expected a source of examples (" FMP_SOURCE
              "), such as a record_reader or an idx_reader");
  return fmp_source_check(h, source, s);
}

int scratch_make(const fmp_host *h, int64_t bytes, struct scratch *s)
{
  enum { ALIGNMENT = 64 };
  *s = (struct scratch){.block = NULL};
  if (bytes == 0) return 1;
  s->block = h->alloc((size_t)bytes + ALIGNMENT - 1);
  if (s->block == NULL) return 0;
  s->memory = (char *)s->block + (-(uintptr_t)s->block & (ALIGNMENT - 1));
  return 1;
}
