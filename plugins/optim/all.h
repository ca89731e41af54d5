/* SPDX-License-Identifier: Apache-2.0
 *
 * all.h: one loop over the elements of all parameters, as if they lay one behind the
 * other: the op on one parameter is the case of n = 1. A stretch of the loop may cover
 * parts of several tensors, so that threads share the work evenly whatever the shapes.
 */
#ifndef FMP_OPTIM_ALL_H
#define FMP_OPTIM_ALL_H

#include "scalar.h"

/* Updates elements [begin, end) of one parameter. tensors: its group of inputs, w first. */
typedef void (*optim_loop)(const void *rule, const fmp_view *tensors, int64_t begin, int64_t end);

struct optim_all {
  const fmp_view *tensors; /* n groups */
  uint32_t group;          /* inputs of each parameter */
  uint32_t n;
  optim_loop loop;
  const void *rule; /* what is equal for all */
  int64_t *ends;    /* [n]: parameter k is [ends[k - 1], ends[k]) of the whole */
};

static inline fmp_status optim_stretch(void *arg, int64_t begin, int64_t end)
{
  const struct optim_all *const all = arg;
  uint32_t k = 0;
  while (all->ends[k] <= begin) k++;
  for (int64_t at = begin; at < end; k++) {
    const int64_t first = k ? all->ends[k - 1] : 0;
    const int64_t until = all->ends[k] < end ? all->ends[k] : end;
    all->loop(all->rule, &all->tensors[k * all->group], at - first, until - first);
    at = until;
  }
  return FMP_OK;
}

static inline fmp_status optim_update(const fmp_call *call, struct optim_all *all)
{
  int64_t size = 0;
  for (uint32_t k = 0; k < all->n; k++) {
    size += fmp_view_size(&all->tensors[k * all->group]);
    all->ends[k] = size;
  }
  return call->host->parallel_for(call, size, OPTIM_GRAIN, optim_stretch, all);
}

#endif
