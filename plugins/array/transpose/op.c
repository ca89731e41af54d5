/* SPDX-License-Identifier: Apache-2.0
 *
 * transpose: dimensions in another order, as a view. y's dimension i is x's axes[i]. */
#include "fmp/kit/attr.h"
#include "../array.h"

typedef struct transpose_params {
  fmp_list axes;
} transpose_params;

/* Index of x's dimension that becomes y's dimension i; params are those infer accepted. */
static uint32_t source_of(const transpose_params *p, uint32_t i, uint32_t rank)
{
  const int64_t axis = array_item(p->axes, i, (int64_t)(rank - i));
  return (uint32_t)(axis > 0 ? axis - 1 : (int64_t)rank + axis);
}

/* axes is a permutation of 1 ... rank, each from either end, or empty. */
static fmp_status check_axes(const fmp_host *h, const transpose_params *p, const fmp_spec *x)
{
  char text[FMP_SPEC_TEXT];
  uint32_t seen = 0;
  FMP_REQUIRE(h, p->axes.count == 0 || p->axes.count == (int64_t)x->rank, FMP_EINVAL,
              "expected %d axes or none for x %s, got %lld", (int)x->rank, h->spec_text(x, text),
              (long long)p->axes.count);
  for (uint32_t i = 0; (int64_t)i < p->axes.count; i++) {
    uint32_t index = 0;
    FMP_TRY(array_axis(h, array_item(p->axes, i, 0), x->rank, &index));
    FMP_REQUIRE(h, (seen & (1u << index)) == 0, FMP_EINVAL, "expected each axis once, got %d twice",
                (int)index + 1);
    seen |= 1u << index;
  }
  return FMP_OK;
}

/* y.shape[i] = x.shape[axes[i]] */
static fmp_status infer(const fmp_infer_args *args)
{
  const transpose_params *p = args->params;
  const fmp_spec *x = args->in;
  FMP_TRY(check_axes(args->host, p, x));
  *args->out = *x;
  for (uint32_t i = 0; i < x->rank; i++) args->out->shape[i] = x->shape[source_of(p, i, x->rank)];
  return FMP_OK;
}

/* The same memory: strides are permuted as sizes are. */
static fmp_status alias(const fmp_alias_args *args)
{
  const transpose_params *p = args->params;
  const fmp_view *x = args->in;
  for (uint32_t i = 0; i < x->rank; i++)
    args->out->strides[i] = x->strides[source_of(p, i, x->rank)];
  return FMP_OK;
}

/* dx = dy with the inverse permutation. No axes: a reversal, its own inverse. */
static fmp_status gradient(const fmp_gradient_args *args)
{
  const fmp_host *h = args->host;
  const transpose_params *p = args->params;
  const uint32_t rank = (uint32_t)p->axes.count;
  const fmp_value dy = h->grad_dout(args->builder, 0);
  int64_t inverse[FMP_MAX_RANK];
  for (uint32_t i = 0; i < rank; i++) inverse[source_of(p, i, rank)] = (int64_t)i + 1;
  const fmp_attr attrs[] = {fmp_attr_i64s("axes", inverse, rank)};
  h->grad_set(args->builder, 0, h->emit(args->builder, "transpose", attrs, 1, &dy, 1));
  return FMP_OK;
}

static const fmp_attr_def attrs[] = {
    FMP_ATTR(transpose_params, axes, FMP_ATTR_I64S, "[]", "[-8,8]",
             "x's dimensions in y's order, from 1; -1 is the last; []: reversed"),
};

static const fmp_op_def def = {
    .struct_size = sizeof(fmp_op_def),
    .name = "transpose",
    .schema = "(x) -> (y)",
    .doc = "Dimensions in another order.\n"
           "y's dimension i is x's dimension axes[i]. A view of x's memory.",
    .version = 1,
    FMP_PARAMS(transpose_params, attrs),
    .infer = infer,
    .gradient = gradient,
    .gradient_ops = "transpose",
    .alias = alias,
};

fmp_status transpose_register(const fmp_host *h, fmp_registry *r);
fmp_status transpose_register(const fmp_host *h, fmp_registry *r) { return h->add_op(r, &def); }
