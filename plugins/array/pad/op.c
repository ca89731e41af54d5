/* SPDX-License-Identifier: Apache-2.0
 *
 * pad: a border of one value around x.
 * pad_back: its gradient, the middle of dy as a view. It knows the border and x's spec but no
 * fixed size, so that the batch stays open. */
#include "pad.h"
#include "fmp/kit/attr.h"
#include "fmp/kit/register.h"

/* -- shape inference -------------------------------------------------------- */

/* A list may be shorter than there are dimensions, never longer. */
static fmp_status check_list(const fmp_host *h, const char *name, fmp_list list, const fmp_spec *x)
{
  char text[FMP_SPEC_TEXT];
  FMP_REQUIRE(h, list.count <= (int64_t)x->rank, FMP_EINVAL,
              "expected at most %d values of %s for x %s, got %lld", (int)x->rank, name,
              h->spec_text(x, text), (long long)list.count);
  return FMP_OK;
}

/* y.shape[i] = before[i] + x.shape[i] + after[i] */
static fmp_status padded(const fmp_host *h, fmp_list before, fmp_list after, const fmp_spec *x,
                         fmp_spec *y)
{
  FMP_TRY(check_list(h, "before", before, x));
  FMP_TRY(check_list(h, "after", after, x));
  *y = *x;
  for (uint32_t i = 0; i < x->rank; i++) {
    int64_t *n = &y->shape[i];
    FMP_REQUIRE(h,
                !__builtin_add_overflow(*n, array_item(before, i, 0), n) &&
                    !__builtin_add_overflow(*n, array_item(after, i, 0), n),
                FMP_ESHAPE, "expected dimension %d of at most 2^63 - 1 with its border, got more",
                (int)i + 1);
  }
  return FMP_OK;
}

static fmp_status pad_infer(const fmp_infer_args *args)
{
  const pad_params *p = args->params;
  return padded(args->host, p->before, p->after, args->in, args->out);
}

static fmp_status back_infer(const fmp_infer_args *args)
{
  const pad_params *p = args->params;
  const fmp_spec *dy = &args->in[0], *x = &args->in[1];
  fmp_spec whole;
  FMP_TRY(padded(args->host, p->before, p->after, x, &whole));
  FMP_TRY(fmp_check_same_shape(args->host, "the padded x", &whole, "dy", dy));
  *args->out = *x;
  args->out->dtype = dy->dtype;
  return FMP_OK;
}

/* dx begins behind the border of dy. If it is empty its beginning may lie outside of the memory,
 * and is left where dy's is. */
static fmp_status back_alias(const fmp_alias_args *args)
{
  const pad_params *p = args->params;
  const fmp_view *dy = args->in;
  fmp_view *dx = args->out;
  int64_t offset = 0;
  for (uint32_t i = 0; i < dy->rank; i++) {
    offset += array_item(p->before, i, 0) * dy->strides[i];
    dx->strides[i] = dy->strides[i];
  }
  if (fmp_view_size(dx) > 0) dx->data = (char *)dy->data + offset * fmp_element_bytes(dy->dtype);
  return FMP_OK;
}

/* -- gradients ---------------------------------------------------------------- */

/* dx = op(in) with the border of the op that is differentiated. */
static fmp_status set_with_border(const fmp_gradient_args *args, const char *op,
                                  const fmp_value *in, uint32_t n_in)
{
  const fmp_host *h = args->host;
  const pad_params *p = args->params;
  const fmp_attr attrs[] = {fmp_attr_list("before", FMP_ATTR_I64S, p->before),
                            fmp_attr_list("after", FMP_ATTR_I64S, p->after)};
  h->grad_set(args->builder, 0, h->emit(args->builder, op, attrs, 2, in, n_in));
  return FMP_OK;
}

static fmp_status pad_gradient(const fmp_gradient_args *args)
{
  const fmp_host *h = args->host;
  const fmp_value in[] = {h->grad_dout(args->builder, 0), h->grad_in(args->builder, 0)};
  return set_with_border(args, "pad_back", in, 2);
}

static fmp_status back_gradient(const fmp_gradient_args *args)
{
  const fmp_value dout = args->host->grad_dout(args->builder, 0);
  return set_with_border(args, "pad", &dout, 1);
}

/* -- definitions ------------------------------------------------------------- */

#define BORDER                                                          \
  FMP_ATTR(pad_params, before, FMP_ATTR_I64S, "[]", "[0,)",             \
           "width of the border before each dimension; not listed: 0"), \
      FMP_ATTR(pad_params, after, FMP_ATTR_I64S, "[]", "[0,)",          \
               "width of the border after each dimension; not listed: 0")

static const fmp_attr_def pad_attrs[] = {
    BORDER,
    FMP_ATTR(pad_params, value, FMP_ATTR_F64, "0", NULL,
             "the border's value, converted as by cast"),
};

static const fmp_attr_def back_attrs[] = {BORDER};

static const fmp_op_def defs[] = {
    {.struct_size = sizeof(fmp_op_def),
     .name = "pad",
     .schema = "(x) -> (y)",
     .doc = "A border of one value around x.\n"
            "y's sizes are before + x's + after; for images [n,h,w,c], before = {0, 1, 1}.",
     .version = 1,
     FMP_PARAMS(pad_params, pad_attrs),
     .infer = pad_infer,
     .gradient = pad_gradient,
     .gradient_ops = "pad_back"},
    {.struct_size = sizeof(fmp_op_def),
     .name = "pad_back",
     .schema = "(dy, x~) -> (dx)",
     .doc = "The gradient of pad: dy without the border.\n"
            "dx has x's shape and dy's type. A view of dy's memory.",
     .version = 1,
     FMP_PARAMS(pad_params, back_attrs),
     .infer = back_infer,
     .gradient = back_gradient,
     .gradient_ops = "pad",
     .alias = back_alias},
};

fmp_status pad_register(const fmp_host *h, fmp_registry *r);
fmp_status pad_register(const fmp_host *h, fmp_registry *r)
{
  FMP_TRY(FMP_ADD_OPS(h, r, defs));
  return pad_add_ref(h, r);
}
