/* SPDX-License-Identifier: Apache-2.0
 *
 * real.h: elements of f32 or f64 views, contiguous, as doubles. For reference kernels
 * that spend their time in exp and log: one loop serves both types, sums are double,
 * and a result is rounded once.
 */
#ifndef FMP_NN_REAL_H
#define FMP_NN_REAL_H

#include "fmp/plugin.h"

static inline double real_at(const fmp_view *v, int64_t i)
{
  return v->dtype == FMP_F64 ? ((const double *)v->data)[i] : (double)((const float *)v->data)[i];
}

static inline void real_set(const fmp_view *v, int64_t i, double value)
{
  if (v->dtype == FMP_F64)
    ((double *)v->data)[i] = value;
  else
    ((float *)v->data)[i] = (float)value;
}

/* How many rows of `row` elements make about `wanted`: the grain of a loop over rows. */
static inline int64_t real_grain(int64_t wanted, int64_t row)
{
  return row < wanted ? wanted / (row > 0 ? row : 1) : 1;
}

#endif
