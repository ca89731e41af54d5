/* SPDX-License-Identifier: Apache-2.0
 *
 * pool.h: attributes and geometry that max_pool and avg_pool share.
 * x [n,h,w,c] -> y [n,oh,ow,c]; each channel for itself.
 */
#ifndef FMP_NN_POOL_H
#define FMP_NN_POOL_H

#include "fmp/kit/attr.h"
#include "fmp/kit/check.h"
#include "window.h"

struct pool_params {
  fmp_list window, stride, pads;
  const char *padding;
  int32_t count_padding; /* avg_pool alone */
};

enum { POOL_MAX_ATTRS = 4, POOL_AVG_ATTRS = 5 };

/* max_pool takes the first four rows. */
static const fmp_attr_def pool_attrs[POOL_AVG_ATTRS] = {
    FMP_ATTR(struct pool_params, window, FMP_ATTR_I64S, NULL, WINDOW_POSITIVE,
             "height and width of the window"),
    FMP_ATTR(struct pool_params, stride, FMP_ATTR_I64S, "[]", WINDOW_POSITIVE,
             "step down and right; []: the window's size"),
    FMP_ATTR(struct pool_params, padding, FMP_ATTR_STRING, "valid", WINDOW_PADDING,
             "same: out = ceil(in / stride), the odd pad at the bottom and right"),
    FMP_ATTR(struct pool_params, pads, FMP_ATTR_I64S, "[]", WINDOW_NOT_NEGATIVE,
             "[top,bottom,left,right] for explicit padding; each below the window's size"),
    FMP_ATTR(struct pool_params, count_padding, FMP_ATTR_BOOL, "false", NULL,
             "divide by the window's size even where part of it is padding"),
};

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

/* A window that lies in the padding altogether has neither maximum nor mean. Pads below
 * the window's size exclude it; those of `same` always are. */
static inline fmp_status pool_check_pads(const fmp_host *h, const struct window_axis *a)
{
  FMP_REQUIRE(h, a->before < a->size && a->after < a->size, FMP_EINVAL,
              "expected pads below the window's size of %lld, got %lld and %lld",
              (long long)a->size, (long long)a->before, (long long)a->after);
  return FMP_OK;
}

/* shape: x's [n,h,w,c]. */
static inline fmp_status pool_make(const fmp_host *h, const struct pool_params *p,
                                   const int64_t *shape, struct pool *out)
{
  static const int64_t one = 1;
  const struct window_attrs attrs = {
      .padding = p->padding,
      .stride = p->stride.count > 0 ? p->stride : p->window,
      .dilation = {&one, 1},
      .pads = p->pads,
  };
  FMP_TRY(window_check_pair(h, "window", &p->window));
  const int64_t taps[2] = {window_item(&p->window, 0), window_item(&p->window, 1)};
  FMP_TRY(window_make(h, &attrs, shape + 1, taps, &out->window));
  FMP_TRY(pool_check_pads(h, &out->window.y));
  FMP_TRY(pool_check_pads(h, &out->window.x));
  FMP_REQUIRE(h, shape[3] >= 1, FMP_ESHAPE, "expected x of at least 1 channel, got 0");
  out->n = shape[0];
  out->c = shape[3];
  return FMP_OK;
}

/* Checks x and derives y's spec from it. */
static inline fmp_status pool_infer(const fmp_host *h, const struct pool_params *p,
                                    const fmp_spec *x, struct pool *pool, fmp_spec *y)
{
  FMP_TRY(fmp_check_rank(h, "x", x, 4, "[n,h,w,c]"));
  FMP_TRY(fmp_check_dtype(h, "x", x, FMP_FLOATS, "f32, f64 or bf16"));
  FMP_TRY(pool_make(h, p, x->shape, pool));
  return window_output(h, &pool->window, x->dtype, pool->n, pool->c, y);
}

/* The attributes again, for the ops that a gradient emits. */
static inline void pool_attrs_of(const struct pool_params *p, fmp_attr attrs[POOL_AVG_ATTRS])
{
  attrs[0] = fmp_attr_list("window", FMP_ATTR_I64S, p->window);
  attrs[1] = fmp_attr_list("stride", FMP_ATTR_I64S, p->stride);
  attrs[2] = fmp_attr_string("padding", p->padding);
  attrs[3] = fmp_attr_list("pads", FMP_ATTR_I64S, p->pads);
  attrs[4] = fmp_attr_bool("count_padding", p->count_padding);
}

#endif
