/* SPDX-License-Identifier: Apache-2.0
 *
 * Reductions along axes, and the ops that undo their change of shape. Kernels: cpu_*.c;
 * gradients: gradient.c. */
#include "reduce.h"
#include "../numbers.h"
#include "fmp/kit/register.h"

/* -- shape inference ------------------------------------------------------- */

/* x without the dimensions of mask, or with 1 in their place. */
static fmp_spec reduced(const fmp_spec *x, uint32_t mask, int32_t keep)
{
  fmp_spec y = {.dtype = x->dtype};
  for (uint32_t d = 0; d < x->rank; d++) {
    const int gone = (int)(mask >> d & 1);
    if (!gone || keep) y.shape[y.rank++] = gone ? 1 : x->shape[d];
  }
  return y;
}

/* A reduction that has no value for no elements. */
static fmp_status check_some(const fmp_host *h, const fmp_spec *x, uint32_t mask)
{
  char text[FMP_SPEC_TEXT];
  for (uint32_t d = 0; d < x->rank; d++)
    FMP_REQUIRE(h, (mask >> d & 1) == 0 || x->shape[d] > 0, FMP_ESHAPE,
                "expected at least one element along the axes, got x %s", h->spec_text(x, text));
  return FMP_OK;
}

/* What distinguishes the reductions for infer. */
typedef struct reduction {
  uint64_t dtypes;
  const char *wanted; /* dtypes in words */
  int of_none;        /* has a value for no elements */
  int sums;           /* y is of a type that has room for a sum */
} reduction;

static const reduction sum = {NUMBERS, NUMBERS_TEXT, 1, 1};
static const reduction mean = {FMP_FLOATS, FLOATS_TEXT, 0, 1};
static const reduction extreme = {NUMBERS, NUMBERS_TEXT, 0, 0};

/* bf16 has only 8 significant bits, too few for a sum of many: y is f32. Sums of integers are
 * i64, as in NumPy. */
static uint32_t sum_type(uint32_t dtype)
{
  if (dtype == FMP_BF16) return FMP_F32;
  return (FMP_FLOATS & FMP_BIT(dtype)) ? dtype : FMP_I64;
}

static fmp_status infer_by(const fmp_host *h, const reduction *what, const reduce_params *p,
                           const fmp_spec *x, fmp_spec *y)
{
  FMP_TRY(fmp_check_dtype(h, "x", x, what->dtypes, what->wanted));
  FMP_TRY(reduce_check_axes(h, p->axes, x->rank));
  const uint32_t mask = reduce_mask(p->axes, x->rank);
  *y = reduced(x, mask, p->keep);
  if (what->sums) y->dtype = sum_type(x->dtype);
  return what->of_none ? FMP_OK : check_some(h, x, mask);
}

static fmp_status infer(const fmp_infer_args *args)
{
  return infer_by(args->host, args->data, args->params, args->in, args->out);
}

/* Reduces one axis as max does. */
static fmp_status infer_argmax(const fmp_infer_args *args)
{
  const argmax_params *p = args->params;
  const reduce_params axis = {.axes = {.items = &p->axis, .count = 1}};
  FMP_TRY(infer_by(args->host, &extreme, &axis, args->in, args->out));
  args->out->dtype = FMP_I64;
  return FMP_OK;
}

/* Is `small`, broadcast, exactly of big's shape? */
static int broadcasts_to(const fmp_spec *small, const fmp_spec *big)
{
  fmp_spec both = *big;
  return fmp_broadcast_shape(small, big, &both) && fmp_same_shape(&both, big);
}

/* like broadcasts to x; nothing of it is used but the shape. */
static fmp_status infer_sum_to(const fmp_infer_args *args)
{
  const fmp_host *h = args->host;
  const fmp_spec *x = &args->in[0], *like = &args->in[1];
  char tx[FMP_SPEC_TEXT], tl[FMP_SPEC_TEXT];
  FMP_TRY(fmp_check_dtype(h, "x", x, FMP_FLOATS, FLOATS_TEXT));
  FMP_REQUIRE(h, broadcasts_to(like, x), FMP_ESHAPE,
              "expected like of a shape that broadcasts to x's, got like %s and x %s",
              h->spec_text(like, tl), h->spec_text(x, tx));
  *args->out = *like;
  args->out->dtype = x->dtype;
  return FMP_OK;
}

/* x with a dimension of size 1 at each axis that a reduction took out. Fails, returning
 * zero, if the ranks do not add up. */
static int restored(const fmp_spec *x, uint32_t mask, uint32_t rank, fmp_spec *y)
{
  uint32_t from = 0;
  *y = (fmp_spec){.dtype = x->dtype, .rank = rank};
  for (uint32_t d = 0; d < rank; d++) {
    const int put_in = (int)(mask >> d & 1);
    if (!put_in && from == x->rank) return 0;
    y->shape[d] = put_in ? 1 : x->shape[from++];
  }
  return from == x->rank;
}

/* x is like's shape reduced along the axes, with or without the dimensions of size 1. */
static fmp_status infer_broadcast_like(const fmp_infer_args *args)
{
  const fmp_host *h = args->host;
  const reduce_params *p = args->params;
  const fmp_spec *given = &args->in[0], *like = &args->in[1];
  char tx[FMP_SPEC_TEXT], tl[FMP_SPEC_TEXT];
  fmp_spec x = *given;
  int fits = 1;
  FMP_TRY(reduce_check_axes(h, p->axes, like->rank));
  if (p->axes.count > 0 && !p->keep)
    fits = restored(given, reduce_mask(p->axes, like->rank), like->rank, &x);
  FMP_REQUIRE(h, fits && broadcasts_to(&x, like), FMP_ESHAPE,
              "expected x of like's shape reduced along the axes, got x %s and like %s",
              h->spec_text(given, tx), h->spec_text(like, tl));
  *args->out = *like;
  args->out->dtype = given->dtype;
  return FMP_OK;
}

/* A view of the same memory in which what repeats has stride 0. */
static fmp_status alias_broadcast_like(const fmp_alias_args *args)
{
  const reduce_params *p = args->params;
  const fmp_view *in = args->in;
  fmp_view *out = args->out;
  const uint32_t put_in = p->axes.count > 0 && !p->keep ? reduce_mask(p->axes, out->rank) : 0;
  fmp_view x = *in;
  if (put_in != 0) x.rank = out->rank;
  for (uint32_t d = 0, from = 0; put_in != 0 && d < out->rank; d++) {
    const int gone = (int)(put_in >> d & 1);
    x.shape[d] = gone ? 1 : in->shape[from];
    x.strides[d] = gone ? 0 : in->strides[from++];
  }
  out->data = in->data;
  for (uint32_t d = 0; d < out->rank; d++) out->strides[d] = fmp_broadcast_stride(&x, out->rank, d);
  return FMP_OK;
}

/* Each element of dy belongs to equally many of x; which ones does not matter here. */
static fmp_status infer_mean_back(const fmp_infer_args *args)
{
  const fmp_host *h = args->host;
  const fmp_spec *dy = &args->in[0], *x = &args->in[1];
  char td[FMP_SPEC_TEXT], tx[FMP_SPEC_TEXT];
  FMP_TRY(fmp_check_dtype(h, "dy", dy, FMP_FLOATS, FLOATS_TEXT));
  const int64_t n = fmp_spec_size(dy), all = fmp_spec_size(x);
  FMP_REQUIRE(h, n == 0 ? all == 0 : all > 0 && all % n == 0, FMP_ESHAPE,
              "expected dy of the reduced x's shape, got dy %s and x %s", h->spec_text(dy, td),
              h->spec_text(x, tx));
  *args->out = *dy;
  return FMP_OK;
}

/* y and dy are of x's shape, reduced. */
static fmp_status infer_extreme_back(const fmp_infer_args *args)
{
  const fmp_host *h = args->host;
  const fmp_spec *in = args->in;
  fmp_spec y;
  FMP_TRY(fmp_check_dtype(h, "x", in, FMP_FLOATS, FLOATS_TEXT));
  FMP_TRY(infer_by(h, &extreme, args->params, in, &y));
  FMP_TRY(fmp_check_same_spec(h, "the reduced x", &y, "y", &in[1]));
  FMP_TRY(fmp_check_same_spec(h, "y", &in[1], "dy", &in[2]));
  *args->out = in[0];
  return FMP_OK;
}

/* -- the ops --------------------------------------------------------------- */

static const fmp_attr_def reduce_attrs[] = {
    FMP_ATTR(reduce_params, axes, FMP_ATTR_I64S, "[]", "[-8,8]",
             "dimensions to reduce, the first is 1, the last -1; none means all"),
    FMP_ATTR(reduce_params, keep, FMP_ATTR_BOOL, "false", NULL,
             "keep reduced dimensions, with size 1"),
};

static const fmp_attr_def argmax_attrs[] = {
    FMP_ATTR(argmax_params, axis, FMP_ATTR_I64, "-1", "[-8,8]",
             "the dimension to search, the first is 1, the last -1"),
};

/* A row of the table below, with the attributes axes and keep, or without any. */
#define PLAIN     .struct_size = sizeof(fmp_op_def), .version = 1
#define REDUCTION PLAIN, FMP_PARAMS(reduce_params, reduce_attrs)

static const fmp_op_def ops[] = {
    {REDUCTION, .name = "sum", .schema = "(x) -> (y)",
     .doc = "Sum along axes.\n"
            "Floats accumulate in f64; sums of integers are i64, those of bf16 f32. No\n"
            "elements: 0.",
     .data = &sum, .infer = infer, .gradient = reduce_grad_sum, .gradient_ops = "broadcast_like"},
    {REDUCTION, .name = "mean", .schema = "(x) -> (y)",
     .doc = "Mean along axes; floats.\nAccumulates in f64; means of bf16 are f32. No elements: "
            "refused.",
     .data = &mean, .infer = infer, .gradient = reduce_grad_mean,
     .gradient_ops = "mean_back broadcast_like"},
    {REDUCTION, .name = "max", .schema = "(x) -> (y)",
     .doc =
         "Maximum along axes.\nNaN if there is one. No elements: refused. The gradient is shared\n"
         "equally by all that equal the maximum.",
     .data = &extreme, .infer = infer, .gradient = reduce_grad_extreme,
     .gradient_ops = "extreme_back"},
    {REDUCTION, .name = "min", .schema = "(x) -> (y)",
     .doc =
         "Minimum along axes.\nNaN if there is one. No elements: refused. The gradient is shared\n"
         "equally by all that equal the minimum.",
     .data = &extreme, .infer = infer, .gradient = reduce_grad_extreme,
     .gradient_ops = "extreme_back"},
    {PLAIN, FMP_PARAMS(argmax_params, argmax_attrs), .name = "argmax", .schema = "(x) -> (y)",
     .doc = "Position of the maximum along an axis, from 0; i64.\n"
            "The first if there are several; the first NaN if there is one. No elements: refused.",
     .infer = infer_argmax},
    {PLAIN, .name = "sum_to", .schema = "(x, like~) -> (y)", .precision = FMP_PRECISION_F32,
     .doc = "Sums x to like's shape.\n"
            "like's shape broadcasts to x's; x is summed along what would repeat: the gradient of\n"
            "broadcasting. Floats, of x's type whatever like's is; accumulates in f64.",
     .infer = infer_sum_to, .gradient = reduce_grad_sum_to, .gradient_ops = "broadcast_like"},
    {REDUCTION, .name = "broadcast_like", .schema = "(x, like~) -> (y)",
     .doc =
         "Repeats x to like's shape.\n"
         "Undoes a reduction's change of shape: unless keep, dimensions of size 1 are first put\n"
         "in at axes. Then x broadcasts as in NumPy; without axes it only does that. A view of x.",
     .infer = infer_broadcast_like, .gradient = reduce_grad_broadcast_like,
     .gradient_ops = "sum sum_to", .alias = alias_broadcast_like},
    {PLAIN, .name = "mean_back", .schema = "(dy, x~) -> (y)", .precision = FMP_PRECISION_F32,
     .doc = "Gradient of mean, not yet repeated: y = dy / (size of x / size of dy).",
     .infer = infer_mean_back, .gradient = reduce_grad_mean_back, .gradient_ops = "mean_back"},
    {REDUCTION, .name = "extreme_back", .schema = "(x, y, dy) -> (dx)",
     .doc = "Gradient of max and min.\n"
            "Where x equals y, dx = dy / (how many do), elsewhere 0. NaN counts as equal to NaN.",
     .infer = infer_extreme_back},
};

fmp_status reduce_register(const fmp_host *h, fmp_registry *r);

fmp_status reduce_register(const fmp_host *h, fmp_registry *r)
{
  FMP_TRY(FMP_ADD_OPS(h, r, ops));
  FMP_TRY(reduce_add_ref(h, r));
  FMP_TRY(reduce_add_loops(h, r));
  FMP_TRY(reduce_add_argmax(h, r));
  return reduce_add_back(h, r);
}
