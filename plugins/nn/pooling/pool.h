/* SPDX-License-Identifier: Apache-2.0
 *
 * pool.h: attributes and geometry that max_pool and avg_pool share.
 * x [n,h,w,c] -> y [n,oh,ow,c]; each channel for itself.
 */
#ifndef FMP_NN_POOL_H
#define FMP_NN_POOL_H

#include "../window.h"

struct pool_params {
  fmp_list window, stride, pads;
  const char *padding;
  int32_t count_padding; /* avg_pool alone */
};

enum { POOL_MAX_ATTRS = 4, POOL_AVG_ATTRS = 5 };

/* max_pool takes the first four rows. */
extern const fmp_attr_def pool_attrs[POOL_AVG_ATTRS];

struct pool {
  int64_t n, c;
  struct window window;
};

/* Where channel 0 of pixel (i, j) of image n is, in x and in y. */
static inline int64_t pool_x_at(const struct pool *p, int64_t n, int64_t i, int64_t j)
{
  return ((n * p->window.y.in + i) * p->window.x.in + j) * p->c;
}

static inline int64_t pool_y_at(const struct pool *p, int64_t n, int64_t i, int64_t j)
{
  return ((n * p->window.y.out + i) * p->window.x.out + j) * p->c;
}

/* Elements that the windows of one output row look at. */
static inline double pool_row_operations(const struct pool *p)
{
  const double taps = (double)p->window.y.size * (double)p->window.x.size;
  return taps * (double)p->window.x.out * (double)p->c;
}

/* shape: x's [n,h,w,c].  [any-thread] */
fmp_status pool_make(const fmp_host *h, const struct pool_params *p, const int64_t *shape,
                     struct pool *out);

/* Checks x and derives y's spec from it.  [any-thread] */
fmp_status pool_infer(const fmp_host *h, const struct pool_params *p, const fmp_spec *x,
                      struct pool *pool, fmp_spec *y);

/* Emits an op with the first n_attr of the attributes of the op that is differentiated. */
fmp_value pool_emit(const fmp_gradient_args *a, const char *op, uint32_t n_attr,
                    const fmp_value *in, uint32_t n_in);

#endif
