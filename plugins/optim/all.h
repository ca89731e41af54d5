/* SPDX-License-Identifier: Apache-2.0
 *
 * all.h: one loop over the elements of all parameters, as if they lay end to end: the op on one
 * parameter is the case of n = 1. A stretch of the loop may cover parts of several tensors, so
 * that threads share the work evenly whatever the shapes.
 */
#ifndef FMP_OPTIM_ALL_H
#define FMP_OPTIM_ALL_H

#include "scalar.h"

enum { OPTIM_GRAIN = 8192 /* elements that are worth waking a thread for */ };

/* Updates elements [begin, end) of one parameter. tensors: its group of inputs, w first. */
typedef void (*optim_loop)(const void *rule, const fmp_view *tensors, int64_t begin, int64_t end);

struct optim_all {
  const fmp_view *tensors; /* n groups */
  uint32_t group, n;
  optim_loop loop;
  const void *rule; /* the same for all parameters */
};

static inline fmp_status optim_stretch(const fmp_range *r)
{
  const struct optim_all *const all = (const struct optim_all *)r->arg;
  int64_t first = 0, next; /* where a parameter and the next one begin, counted over all */
  for (uint32_t k = 0; k < all->n && first < r->end; k++, first = next) {
    const fmp_view *const tensors = all->tensors + k * all->group;
    next = first + fmp_view_size(tensors);
    const int64_t begin = r->begin > first ? r->begin : first;
    const int64_t end = r->end < next ? r->end : next;
    if (begin < end) all->loop(all->rule, tensors, begin - first, end - first);
  }
  return FMP_OK;
}

static inline fmp_status optim_update(const fmp_call *call, optim_loop loop, const void *rule)
{
  const struct optim_inputs *const inputs = (const struct optim_inputs *)call->data;
  struct optim_all all = {.tensors = call->in + inputs->first,
                          .group = inputs->group,
                          .n = optim_parameters(inputs, call->n_in),
                          .loop = loop,
                          .rule = rule};
  int64_t size = 0;
  for (uint32_t k = 0; k < all.n; k++) size += fmp_view_size(all.tensors + k * all.group);
  return call->host->parallel_for(call, size, OPTIM_GRAIN, optim_stretch, &all);
}

#endif
