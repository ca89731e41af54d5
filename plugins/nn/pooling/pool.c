/* SPDX-License-Identifier: Apache-2.0
 * Attributes and geometry of max_pool and avg_pool. */
#include "pool.h"

#include "fmp/kit/attr.h"
#include "fmp/kit/check.h"

const fmp_attr_def pool_attrs[POOL_AVG_ATTRS] = {
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

/* A window that lies entirely in the padding has neither maximum nor mean. Pads below the window's
 * size rule that out; those of `same` always are. */
static fmp_status check_pads(const fmp_host *h, const struct window_axis *a)
{
  FMP_REQUIRE(h, a->before < a->size && a->after < a->size, FMP_EINVAL,
              "expected pads below the window's size of %lld, got %lld and %lld",
              (long long)a->size, (long long)a->before, (long long)a->after);
  return FMP_OK;
}

fmp_status pool_make(const fmp_host *h, const struct pool_params *p, const int64_t *shape,
                     struct pool *out)
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
  FMP_TRY(check_pads(h, &out->window.y));
  FMP_TRY(check_pads(h, &out->window.x));
  FMP_REQUIRE(h, shape[3] >= 1, FMP_ESHAPE, "expected x of at least 1 channel, got 0");
  out->n = shape[0];
  out->c = shape[3];
  return FMP_OK;
}

fmp_status pool_infer(const fmp_host *h, const struct pool_params *p, const fmp_spec *x,
                      struct pool *pool, fmp_spec *y)
{
  FMP_TRY(fmp_check_rank(h, "x", x, 4, "[n,h,w,c]"));
  FMP_TRY(fmp_check_dtype(h, "x", x, FMP_FLOATS, "f32, f64 or bf16"));
  FMP_TRY(pool_make(h, p, x->shape, pool));
  return window_output(h, &pool->window, x->dtype, pool->n, pool->c, y);
}

fmp_value pool_emit(const fmp_gradient_args *a, const char *op, uint32_t n_attr,
                    const fmp_value *in, uint32_t n_in)
{
  const struct pool_params *p = a->params;
  const fmp_attr attrs[POOL_AVG_ATTRS] = {
      fmp_attr_list("window", FMP_ATTR_I64S, p->window),
      fmp_attr_list("stride", FMP_ATTR_I64S, p->stride),
      fmp_attr_string("padding", p->padding),
      fmp_attr_list("pads", FMP_ATTR_I64S, p->pads),
      fmp_attr_bool("count_padding", p->count_padding),
  };
  return a->host->emit(a->builder, op, attrs, n_attr, in, n_in);
}
