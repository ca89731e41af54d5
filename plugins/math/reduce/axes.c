/* SPDX-License-Identifier: Apache-2.0
 * Axes as users write them, and as kernels walk them. */
#include "reduce.h"
#include "fmp/kit/check.h"

/* The dimension, from 0, that an axis names. */
static int64_t dimension(int64_t axis, uint32_t rank) { return axis > 0 ? axis - 1 : rank + axis; }

fmp_status reduce_check_axes(const fmp_host *h, fmp_list axes, uint32_t rank)
{
  const int64_t *items = axes.items;
  uint32_t seen = 0;
  for (int64_t i = 0; i < axes.count; i++) {
    const long long axis = items[i];
    FMP_REQUIRE(h, axis != 0 && axis <= (int64_t)rank && axis >= -(int64_t)rank, FMP_EINVAL,
                "expected axes from 1 to %u or from -%u to -1, got %lld", rank, rank, axis);
    const uint32_t bit = 1u << dimension(axis, rank);
    FMP_REQUIRE(h, (seen & bit) == 0, FMP_EINVAL, "expected each axis once, got %lld again",
                (long long)dimension(axis, rank) + 1);
    seen |= bit;
  }
  return FMP_OK;
}

uint32_t reduce_mask(fmp_list axes, uint32_t rank)
{
  const int64_t *items = axes.items;
  uint32_t mask = 0;
  if (axes.count == 0) return (1u << rank) - 1;
  for (int64_t i = 0; i < axes.count; i++) mask |= 1u << dimension(items[i], rank);
  return mask;
}

/* Those of x along which something of like's shape would repeat. */
static uint32_t like_mask(const fmp_view *x, const fmp_view *like)
{
  const uint32_t missing = x->rank - like->rank;
  uint32_t mask = 0;
  for (uint32_t d = 0; d < x->rank; d++)
    if (d < missing || like->shape[d - missing] == 1) mask |= 1u << d;
  return mask;
}

uint32_t reduce_call_mask(const fmp_call *call)
{
  const reduce_params *p = call->params;
  if (call->n_in == 2) return like_mask(&call->in[0], &call->in[1]);
  return reduce_mask(p->axes, call->in[0].rank);
}

void reduce_loop(fmp_loop *loop, const fmp_view *x, uint32_t mask)
{
  fmp_view part = *x;
  part.rank = 0;
  for (uint32_t d = 0; d < x->rank; d++) {
    if ((mask >> d & 1) == 0) continue;
    part.shape[part.rank] = x->shape[d];
    part.strides[part.rank++] = x->strides[d];
  }
  fmp_loop_begin(loop, &part);
  fmp_loop_merge(loop);
}
