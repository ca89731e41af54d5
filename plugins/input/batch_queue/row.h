/* SPDX-License-Identifier: Apache-2.0
 * How an example becomes a row of a batch: it is read, and its images are processed. */
#ifndef INPUT_ROW_H
#define INPUT_ROW_H

#include "delivery.h"

/* Memory that grows. */
struct buffer {
  void *bytes;
  int64_t room;
};

/* What one thread needs to make rows. */
struct row_maker {
  const fmp_host *h;
  const fmp_source_copy *source;
  const struct deliveries *deliveries;
  struct scratch scratch;                      /* lent to the source */
  fmp_spec specs[FMP_SOURCE_MAX_FIELDS];       /* of the example at hand */
  struct buffer pixels[FMP_SOURCE_MAX_FIELDS]; /* by delivery, of those that are changed */
  struct buffer padded;                        /* f32 */
};

/* Borrows s and d. Returns zero if there is no memory; the maker must be closed all the same. */
int row_maker_open(const fmp_host *h, const fmp_source_copy *s, const struct deliveries *d,
                   struct row_maker *m);
void row_maker_close(struct row_maker *m);

/* Example `index` to out[k] for each delivery k; key: for augmentation. On failure
 * why[FMP_SOURCE_WHY] says why. */
fmp_status row_make(struct row_maker *m, int64_t index, const struct affine_key *key,
                    void *const *out, char *why);

#endif
