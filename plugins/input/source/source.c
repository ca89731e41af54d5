/* SPDX-License-Identifier: Apache-2.0 */
#include "source.h"

/* A foreign source's numbers are checked before anything is computed from them. */
static int is_sound(const fmp_source *s)
{
  const int64_t most = 65535;
  return s->struct_size >= FMP_SIZE_UNTIL(fmp_source, read) && s->read && s->count >= 1 &&
         s->count <= INT32_MAX && s->height >= 1 && s->height <= most && s->width >= 1 &&
         s->width <= most && s->channels >= 1 && s->channels <= most && s->scratch_bytes >= 0;
}

const fmp_source *source_of(const fmp_host *h, const fmp_resource *r)
{
  const fmp_source *s = h->resource_state(r, FMP_SOURCE);
  if (s && is_sound(s)) return s;
  h->fail(FMP_EINVAL, "expected a reader of examples, such as a record_reader or an idx_reader");
  return NULL;
}
