/* SPDX-License-Identifier: Apache-2.0
 * One copy between two strided layouts, which copy, concat, pad and slice_back share. */
#ifndef FMP_ARRAY_STRIDED_H
#define FMP_ARRAY_STRIDED_H

#include "fmp/plugin.h"

/* target[i] = source[i] for every index i of `shape`. Strides in elements, and not
 * negative; 0 is allowed in the source. The two do not overlap. */
typedef struct strided_copy {
  char *target;
  const char *source;
  size_t element; /* bytes: 1, 2, 4 or 8 */
  uint32_t rank;
  int64_t shape[FMP_MAX_RANK];
  int64_t target_strides[FMP_MAX_RANK];
  int64_t source_strides[FMP_MAX_RANK];
} strided_copy;

/* All of view v, to or from a place whose strides are set afterwards. */
void strided_shape(strided_copy *c, const fmp_view *v);

/* [stream] On as many threads as the call has. */
fmp_status strided_run(const fmp_call *call, const strided_copy *copy);

#endif
