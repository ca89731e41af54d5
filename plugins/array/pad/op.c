/* SPDX-License-Identifier: Apache-2.0
 *
 * pad: a border of one value around x.
 * pad_back: its gradient, the middle of dy as a view. It knows the border and x's spec, no
 * size, so that the batch stays open. */
#include "pad.h"
#include "fmp/kit/attr.h"

typedef struct pad_back_params {
  fmp_list before, after;
} pad_back_params;

/* -- shape inference -------------------------------------------------------- */

static fmp_status check_list(const fmp_host *h, const char *name, fmp_list list, const fmp_spec *x)
{
  char text[FMP_SPEC_TEXT];
  FMP_REQUIRE(h, list.count <= (int64_t)x->rank, FMP_EINVAL,
              "expected at most %d values of %s for x %s, got %lld", (int)x->rank, name,
              h->spec_text(x, text), (long long)list.count);
  return FMP_OK;
}

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

static fmp_status pad_infer(const fmp_host *h, const void *params, const fmp_spec *in,
                            uint32_t n_in, fmp_spec *out, uint32_t n_out)
{
  const pad_params *p = params;
  (void)n_in, (void)n_out;
  return padded(h, p->before, p->after, &in[0], &out[0]);
}

static fmp_status back_infer(const fmp_host *h, const void *params, const fmp_spec *in,
                             uint32_t n_in, fmp_spec *out, uint32_t n_out)
{
  const pad_back_params *p = params;
  fmp_spec whole;
  (void)n_in, (void)n_out;
  FMP_TRY(padded(h, p->before, p->after, &in[1], &whole));
  FMP_TRY(fmp_check_same_shape(h, "x with its border", &whole, "dy", &in[0]));
  out[0] = in[1];
  out[0].dtype = in[0].dtype;
  return FMP_OK;
}

static fmp_status back_alias(const fmp_host *h, const void *params, const fmp_view *dy,
                             fmp_view *dx)
{
  const pad_back_params *p = params;
  int64_t offset = 0;
  (void)h;
  for (uint32_t i = 0; i < dy->rank; i++) {
    offset += array_item(p->before, i, 0) * dy->strides[i];
    dx->strides[i] = dy->strides[i];
  }
  if (fmp_view_size(dx) > 0)
    dx->data = (char *)dy->data + offset * (int64_t)array_dtype_size(dy->dtype);
  return FMP_OK;
}

/* -- gradients ---------------------------------------------------------------- */

static fmp_status pad_gradient(const fmp_host *h, fmp_builder *b, const void *params)
{
  const pad_params *p = params;
  const fmp_attr attrs[] = {fmp_attr_list("before", FMP_ATTR_I64S, p->before),
                            fmp_attr_list("after", FMP_ATTR_I64S, p->after)};
  if (h->grad_wants(b, 0)) {
    const fmp_value in[] = {h->grad_dout(b, 0), h->grad_in(b, 0)};
    h->grad_set(b, 0, h->emit(b, "pad_back", attrs, 2, in, 2));
  }
  return FMP_OK;
}

static fmp_status back_gradient(const fmp_host *h, fmp_builder *b, const void *params)
{
  const pad_back_params *p = params;
  const fmp_value dout = h->grad_dout(b, 0);
  const fmp_attr attrs[] = {fmp_attr_list("before", FMP_ATTR_I64S, p->before),
                            fmp_attr_list("after", FMP_ATTR_I64S, p->after)};
  if (h->grad_wants(b, 0)) h->grad_set(b, 0, h->emit(b, "pad", attrs, 2, &dout, 1));
  return FMP_OK;
}

/* -- definitions ------------------------------------------------------------- */

static const char before_doc[] = "width of the border before each dimension; not listed: 0";
static const char after_doc[] = "width of the border behind each dimension; not listed: 0";

static const fmp_attr_def pad_attrs[] = {
    FMP_ATTR(pad_params, before, FMP_ATTR_I64S, "[]", "[0,)", before_doc),
    FMP_ATTR(pad_params, after, FMP_ATTR_I64S, "[]", "[0,)", after_doc),
    FMP_ATTR(pad_params, value, FMP_ATTR_F64, "0", NULL, "of the border; converted as by cast"),
};

static const fmp_attr_def back_attrs[] = {
    FMP_ATTR(pad_back_params, before, FMP_ATTR_I64S, "[]", "[0,)", before_doc),
    FMP_ATTR(pad_back_params, after, FMP_ATTR_I64S, "[]", "[0,)", after_doc),
};

static const fmp_op_def defs[] = {
    {.struct_size = sizeof(fmp_op_def),
     .name = "pad",
     .schema = "(x) -> (y)",
     .doc = "A border of one value around x.\n"
            "y's sizes are before + x's + after; for images [n,h,w,c], before = {0, 1, 1}.",
     .version = 1,
     .attrs = pad_attrs,
     .n_attr = 3,
     .attr_size = sizeof(fmp_attr_def),
     .params_size = sizeof(pad_params),
     .infer = pad_infer,
     .gradient = pad_gradient,
     .gradient_ops = "pad_back"},
    {.struct_size = sizeof(fmp_op_def),
     .name = "pad_back",
     .schema = "(dy, x~) -> (dx)",
     .doc = "The gradient of pad: dy without the border.\n"
            "dx has x's shape and dy's type. A view of dy's memory.",
     .version = 1,
     .attrs = back_attrs,
     .n_attr = 2,
     .attr_size = sizeof(fmp_attr_def),
     .params_size = sizeof(pad_back_params),
     .infer = back_infer,
     .gradient = back_gradient,
     .gradient_ops = "pad",
     .alias = back_alias},
};

fmp_status pad_register(const fmp_host *h, fmp_registry *r);
fmp_status pad_register(const fmp_host *h, fmp_registry *r)
{
  for (size_t i = 0; i < sizeof defs / sizeof defs[0]; i++) FMP_TRY(h->add_op(r, &defs[i]));
  return pad_add_ref(h, r);
}
