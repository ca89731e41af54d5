/* SPDX-License-Identifier: Apache-2.0
 * What the ops of this family share: axes, strides and lists of attributes. */
#ifndef FMP_ARRAY_H
#define FMP_ARRAY_H

#include "fmp/kit/check.h"
#include "fmp/kit/loops.h"

/* Item i, or `fallback`: lists may be shorter than the number of dimensions. */
static inline int64_t array_item(fmp_list list, uint32_t i, int64_t fallback)
{
  return (int64_t)i < list.count ? ((const int64_t *)list.items)[i] : fallback;
}

/* Row-major strides of a shape. */
static inline void array_contiguous_strides(uint32_t rank, const int64_t *shape, int64_t *strides)
{
  int64_t step = 1;
  for (uint32_t i = rank; i-- > 0;) {
    strides[i] = step;
    step *= shape[i] > 0 ? shape[i] : 1;
  }
}

/* Dimension `axis`, from 1 or from -1 backwards, as an index from 0. */
static inline fmp_status array_axis(const fmp_host *h, int64_t axis, uint32_t rank, uint32_t *index)
{
  const int64_t n = (int64_t)rank;
  FMP_REQUIRE(h, (axis >= 1 && axis <= n) || (axis <= -1 && axis >= -n), FMP_EINVAL,
              "expected an axis 1 to %d or -%d to -1, got %lld", (int)rank, (int)rank,
              (long long)axis);
  *index = (uint32_t)(axis > 0 ? axis - 1 : n + axis);
  return FMP_OK;
}

#endif
