/* SPDX-License-Identifier: Apache-2.0
 * What the definition and the kernel of fmp_regions share. */
#ifndef FMP_FMP_REGIONS_H
#define FMP_FMP_REGIONS_H

#include "../axis.h"
#include "sequence.h"

struct regions_params {
  fmp_list out, pool, u;
  const char *mode, *window, *per, *sequence;
};

static inline int regions_per_sample(const struct regions_params *p)
{
  return strcmp(p->per, "sample") == 0;
}

static inline int regions_random(const struct regions_params *p)
{
  return strcmp(p->mode, "random") == 0;
}

static inline int regions_formula(const struct regions_params *p)
{
  if (strcmp(p->sequence, "tensorflow") == 0) return SEQUENCE_TENSORFLOW;
  return strcmp(p->sequence, "paper") == 0 ? SEQUENCE_PAPER : SEQUENCE_GRAHAM;
}

/* Every window's size along an axis; 0: it depends on the boundaries. */
static inline int64_t regions_pool(const struct regions_params *p, int axis)
{
  return axis_fixed(p->window) ? axis_item(&p->pool, axis) : 0;
}

fmp_status regions_add_ref(const fmp_host *h, fmp_registry *r);

#endif
