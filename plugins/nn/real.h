/* SPDX-License-Identifier: Apache-2.0
 *
 * real.h: elements of f32, f64 or bf16 views, contiguous, as doubles. For reference kernels
 * that spend their time in exp and log: one loop serves all types, sums are double,
 * and a result is rounded once.
 */
#ifndef FMP_NN_REAL_H
#define FMP_NN_REAL_H

#include "fmp/kit/half.h"
#include "fmp/plugin.h"

static inline double real_at(const fmp_view *v, int64_t i)
{
  if (v->dtype == FMP_F64) return ((const double *)v->data)[i];
  if (v->dtype == FMP_F32) return (double)((const float *)v->data)[i];
  return (double)fmp_bf16_to_f32(((const uint16_t *)v->data)[i]);
}

static inline void real_set(const fmp_view *v, int64_t i, double value)
{
  if (v->dtype == FMP_F64)
    ((double *)v->data)[i] = value;
  else if (v->dtype == FMP_F32)
    ((float *)v->data)[i] = (float)value;
  else
    ((uint16_t *)v->data)[i] = fmp_bf16_of_f64(value);
}

/* How many rows of `row` elements make about `wanted`: the grain of a loop over rows. */
static inline int64_t real_grain(int64_t wanted, int64_t row)
{
  return row < wanted ? wanted / (row > 0 ? row : 1) : 1;
}

#endif
