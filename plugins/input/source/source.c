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
  (void)h->fail(FMP_EINVAL,
                "expected a reader of examples, such as a record_reader or an idx_reader");
  return NULL;
}

/* The status that was returned counts, whatever the reader has put into *why. The end of data is
 * none: how many examples there are was said before. */
static fmp_status complete_failure(fmp_status status, int64_t i, fmp_failure *why)
{
  why->text[sizeof why->text - 1] = '\0';
  if (status < 0 || status >= FMP_STATUS_COUNT || status == FMP_END)
    return failure_set(why, FMP_EPLUGIN, "example %lld: its reader returned status %d, no failure",
                       (long long)i, (int)status);
  if (why->text[0] == '\0')
    return failure_set(why, status, "example %lld: its reader failed and did not say why",
                       (long long)i);
  why->status = status;
  return status;
}

fmp_status source_read(const fmp_source *s, int64_t i, uint8_t *scratch, uint8_t *pixels,
                       int32_t *label, fmp_failure *why)
{
  why->status = FMP_OK;
  why->text[0] = '\0';
  const fmp_status status = s->read(s, i, scratch, pixels, label, why);
  return status == FMP_OK ? FMP_OK : complete_failure(status, i, why);
}
