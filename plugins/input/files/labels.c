/* SPDX-License-Identifier: Apache-2.0 */
#include "labels.h"

enum { BLOCK = 1 << 18, PAGE = 1 << 12 };

fmp_status labels_check_one(const struct file *f, int64_t i, int label, int64_t classes, char *why)
{
  if (classes == 0 || label < classes) return FMP_OK;
  return fmp_source_fail(why, FMP_EDATA, "%s: record %lld: expected a label below %lld, got %d",
                         f->name, (long long)i, (long long)classes, label);
}

/* Labels [begin, end), read in one piece. */
static fmp_status check_block(const struct file *f, const struct labels *l, int64_t begin,
                              int64_t end, uint8_t *block, char *why)
{
  const int64_t bytes = (end - begin - 1) * l->stride + 1;
  FMP_TRY(file_read(f, l->first + begin * l->stride, block, bytes, why));
  for (int64_t i = begin; i < end; i++)
    FMP_TRY(labels_check_one(f, i, block[(i - begin) * l->stride], l->classes, why));
  return FMP_OK;
}

/* n at once. */
static fmp_status check_blocks(const fmp_host *h, const struct file *f, const struct labels *l,
                               int64_t n, uint8_t *block, char *why)
{
  for (int64_t i = 0; i < l->count; i += n) {
    FMP_TRY(file_check_interrupt(h, why));
    FMP_TRY(check_block(f, l, i, l->count - i < n ? l->count : i + n, block, why));
  }
  return FMP_OK;
}

fmp_status labels_check(const fmp_host *h, const struct file *f, const struct labels *l, char *why)
{
  /* Labels that lie closer than a page are read with what is between them: a file can have two
   * billion labels. */
  const int64_t near = l->stride < PAGE ? BLOCK / l->stride : 1;
  const int64_t n = l->count < near ? l->count : near;
  if (l->classes == 0) return FMP_OK;
  uint8_t *block = h->alloc((size_t)((n - 1) * l->stride + 1));
  if (!block) return fmp_source_fail(why, FMP_ENOMEM, "%s: no memory to check its labels", f->name);
  const fmp_status status = check_blocks(h, f, l, n, block, why);
  h->free(block);
  return status;
}
