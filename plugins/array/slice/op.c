/* SPDX-License-Identifier: Apache-2.0
 *
 * slice: a box of x, every step-th element of it, as a view:
 *   y[i] = x[start + i * step],  0 <= i < size
 * slice_back: its gradient, dy put where the box was, zeros elsewhere. */
#include "fmp/kit/attr.h"
#include "fmp/kit/register.h"
#include "slice.h"

/* -- shape inference -------------------------------------------------------- */

/* How many elements fit from `start` on; -1 if start lies beyond the end. */
static int64_t room(int64_t n, int64_t start, int64_t step)
{
  if (start > n) return -1;
  return start == n ? 0 : (n - 1 - start) / step + 1;
}

/* A list may be shorter than there are dimensions, never longer. */
static fmp_status check_lists(const fmp_host *h, const slice_params *p, const fmp_spec *x)
{
  const fmp_list lists[] = {p->start, p->size, p->step};
  const char *const names[] = {"start", "size", "step"};
  char text[FMP_SPEC_TEXT];
  for (int i = 0; i < 3; i++)
    FMP_REQUIRE(h, lists[i].count <= (int64_t)x->rank, FMP_EINVAL,
                "expected at most %d values of %s for x %s, got %lld", (int)x->rank, names[i],
                h->spec_text(x, text), (long long)lists[i].count);
  return FMP_OK;
}

/* The spec of the box of x. */
static fmp_status box_of(const fmp_host *h, const slice_params *p, const fmp_spec *x, fmp_spec *box)
{
  char text[FMP_SPEC_TEXT];
  FMP_TRY(check_lists(h, p, x));
  *box = *x;
  for (uint32_t i = 0; i < x->rank; i++) {
    const int64_t start = array_item(p->start, i, 0), size = array_item(p->size, i, -1);
    const int64_t fits = room(x->shape[i], start, array_item(p->step, i, 1));
    FMP_REQUIRE(h, fits >= 0 && size <= fits, FMP_ESHAPE,
                "expected start, size and step within dimension %d of x %s, got start %lld, "
                "size %lld, step %lld",
                (int)i + 1, h->spec_text(x, text), (long long)start, (long long)size,
                (long long)array_item(p->step, i, 1));
    box->shape[i] = size < 0 ? fits : size;
  }
  return FMP_OK;
}

static fmp_status slice_infer(const fmp_infer_args *args)
{
  return box_of(args->host, args->params, args->in, args->out);
}

static fmp_status back_infer(const fmp_infer_args *args)
{
  const fmp_spec *dy = &args->in[0], *x = &args->in[1];
  fmp_spec box;
  FMP_TRY(box_of(args->host, args->params, x, &box));
  FMP_TRY(fmp_check_same_shape(args->host, "the slice", &box, "dy", dy));
  *args->out = *x;
  args->out->dtype = dy->dtype;
  return FMP_OK;
}

/* -- the view ---------------------------------------------------------------- */

/* y begins at `start`, and moves by `step` times x's strides. */
static fmp_status slice_alias(const fmp_alias_args *args)
{
  const slice_params *p = args->params;
  const fmp_view *x = args->in;
  fmp_view *y = args->out;
  const int64_t element = fmp_element_bytes(x->dtype);
  const int empty = fmp_view_size(y) == 0; /* its start may lie beyond the memory */
  int64_t offset = 0;
  for (uint32_t i = 0; i < x->rank; i++) {
    offset += array_item(p->start, i, 0) * x->strides[i];
    /* one element, or none: the stride is never used, and a hostile step would overflow */
    y->strides[i] = y->shape[i] > 1 ? array_item(p->step, i, 1) * x->strides[i] : 1;
  }
  if (!empty) y->data = (char *)x->data + offset * element;
  return FMP_OK;
}

/* -- gradients ---------------------------------------------------------------- */

/* dx = op(in) with the attributes of the op that is differentiated. */
static fmp_status set_with_box(const fmp_gradient_args *args, const char *op, const fmp_value *in,
                               uint32_t n_in)
{
  const fmp_host *h = args->host;
  const slice_params *p = args->params;
  const fmp_attr attrs[] = {
      fmp_attr_list("start", FMP_ATTR_I64S, p->start),
      fmp_attr_list("size", FMP_ATTR_I64S, p->size),
      fmp_attr_list("step", FMP_ATTR_I64S, p->step),
  };
  h->grad_set(args->builder, 0, h->emit(args->builder, op, attrs, 3, in, n_in));
  return FMP_OK;
}

static fmp_status slice_gradient(const fmp_gradient_args *args)
{
  const fmp_host *h = args->host;
  const fmp_value in[] = {h->grad_dout(args->builder, 0), h->grad_in(args->builder, 0)};
  return set_with_box(args, "slice_back", in, 2);
}

static fmp_status back_gradient(const fmp_gradient_args *args)
{
  const fmp_value dout = args->host->grad_dout(args->builder, 0);
  return set_with_box(args, "slice", &dout, 1);
}

/* -- definitions ------------------------------------------------------------- */

static const fmp_attr_def attrs[] = {
    FMP_ATTR(slice_params, start, FMP_ATTR_I64S, "[]", "[0,)",
             "first position of each dimension, from 0; dimensions not listed: 0"),
    FMP_ATTR(slice_params, size, FMP_ATTR_I64S, "[]", "[-1,)",
             "y's size of each dimension; -1, or not listed: to the end"),
    FMP_ATTR(slice_params, step, FMP_ATTR_I64S, "[]", "[1,)",
             "distance between the elements taken, in each dimension; not listed: 1"),
};

static const fmp_op_def defs[] = {
    {.struct_size = sizeof(fmp_op_def),
     .name = "slice",
     .schema = "(x) -> (y)",
     .doc = "A box of x.\n"
            "y[i] = x[start + i * step] for 0 <= i < size, in each dimension.\n"
            "A view of x's memory.",
     .version = 1,
     FMP_PARAMS(slice_params, attrs),
     .infer = slice_infer,
     .gradient = slice_gradient,
     .gradient_ops = "slice_back",
     .alias = slice_alias},
    {.struct_size = sizeof(fmp_op_def),
     .name = "slice_back",
     .schema = "(dy, x~) -> (dx)",
     .doc = "The gradient of slice.\n"
            "dx[start + i * step] = dy[i]; zero elsewhere. dx has x's shape and dy's type.",
     .version = 1,
     FMP_PARAMS(slice_params, attrs),
     .infer = back_infer,
     .gradient = back_gradient,
     .gradient_ops = "slice"},
};

fmp_status slice_register(const fmp_host *h, fmp_registry *r);
fmp_status slice_register(const fmp_host *h, fmp_registry *r)
{
  FMP_TRY(FMP_ADD_OPS(h, r, defs));
  return slice_add_ref(h, r);
}
