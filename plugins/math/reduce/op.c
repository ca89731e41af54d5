/* SPDX-License-Identifier: Apache-2.0
 *
 * Reductions along axes, and the ops that undo their change of shape. Kernels: cpu_*.c;
 * gradients: gradient.c. */
#include "reduce.h"
#include "fmp/kit/check.h"

/* -- shape inference ------------------------------------------------------- */

#define NUMBERS (FMP_FLOATS | FMP_BIT(FMP_U8) | FMP_BIT(FMP_I32) | FMP_BIT(FMP_I64))

static const char *const floats_text = "f32, f64 or bf16";
static const char *const numbers_text = "f32, f64, bf16, u8, i32 or i64";

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

static fmp_status infer_reduced(const fmp_host *h, const reduce_params *p, const fmp_spec *x,
                                fmp_spec *y)
{
  FMP_TRY(reduce_check_axes(h, p->axes, x->rank));
  *y = reduced(x, reduce_mask(p->axes, x->rank), p->keep);
  return FMP_OK;
}

/* bf16 has 8 bits for a number: what sums many of them up has room for more. */
static uint32_t sum_type(uint32_t dtype) { return dtype == FMP_BF16 ? FMP_F32 : dtype; }

/* Sums of integers are i64, as in NumPy. */
static fmp_status infer_sum(const fmp_host *h, const void *params, const fmp_spec *in,
                            uint32_t n_in, fmp_spec *out, uint32_t n_out)
{
  (void)n_in, (void)n_out;
  FMP_TRY(fmp_check_dtype(h, "x", in, NUMBERS, numbers_text));
  FMP_TRY(infer_reduced(h, params, in, out));
  out->dtype = (FMP_FLOATS & FMP_BIT(in->dtype)) ? sum_type(in->dtype) : FMP_I64;
  return FMP_OK;
}

static fmp_status infer_extreme(const fmp_host *h, const void *params, const fmp_spec *in,
                                uint32_t n_in, fmp_spec *out, uint32_t n_out)
{
  const reduce_params *p = params;
  (void)n_in, (void)n_out;
  FMP_TRY(fmp_check_dtype(h, "x", in, NUMBERS, numbers_text));
  FMP_TRY(infer_reduced(h, p, in, out));
  return check_some(h, in, reduce_mask(p->axes, in->rank));
}

static fmp_status infer_mean(const fmp_host *h, const void *params, const fmp_spec *in,
                             uint32_t n_in, fmp_spec *out, uint32_t n_out)
{
  FMP_TRY(fmp_check_dtype(h, "x", in, FMP_FLOATS, floats_text));
  FMP_TRY(infer_extreme(h, params, in, n_in, out, n_out));
  out->dtype = sum_type(in->dtype);
  return FMP_OK;
}

static fmp_status infer_argmax(const fmp_host *h, const void *params, const fmp_spec *in,
                               uint32_t n_in, fmp_spec *out, uint32_t n_out)
{
  const argmax_params *p = params;
  const reduce_params axis = {.axes = {.items = &p->axis, .count = 1}};
  FMP_TRY(infer_extreme(h, &axis, in, n_in, out, n_out));
  out->dtype = FMP_I64;
  return FMP_OK;
}

/* Is `small`, broadcast, exactly of big's shape? */
static int broadcasts_to(const fmp_spec *small, const fmp_spec *big)
{
  fmp_spec both = *big;
  return fmp_broadcast_shape(small, big, &both) && fmp_same_shape(&both, big);
}

static fmp_status infer_sum_to(const fmp_host *h, const void *params, const fmp_spec *in,
                               uint32_t n_in, fmp_spec *out, uint32_t n_out)
{
  char tx[FMP_SPEC_TEXT], tl[FMP_SPEC_TEXT];
  (void)params, (void)n_in, (void)n_out;
  FMP_TRY(fmp_check_dtype(h, "x", in, FMP_FLOATS, floats_text));
  FMP_REQUIRE(h, broadcasts_to(&in[1], &in[0]), FMP_ESHAPE,
              "expected like of a shape that broadcasts to x's, got like %s and x %s",
              h->spec_text(&in[1], tl), h->spec_text(&in[0], tx));
  *out = in[1];
  out->dtype = in[0].dtype;
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

static fmp_status infer_broadcast_like(const fmp_host *h, const void *params, const fmp_spec *in,
                                       uint32_t n_in, fmp_spec *out, uint32_t n_out)
{
  const reduce_params *p = params;
  const fmp_spec *like = &in[1];
  char tx[FMP_SPEC_TEXT], tl[FMP_SPEC_TEXT];
  fmp_spec x = in[0];
  int fits = 1;
  (void)n_in, (void)n_out;
  FMP_TRY(reduce_check_axes(h, p->axes, like->rank));
  if (p->axes.count > 0 && !p->keep)
    fits = restored(&in[0], reduce_mask(p->axes, like->rank), like->rank, &x);
  FMP_REQUIRE(h, fits && broadcasts_to(&x, like), FMP_ESHAPE,
              "expected x of like's shape reduced along the axes, got x %s and like %s",
              h->spec_text(&in[0], tx), h->spec_text(like, tl));
  *out = *like;
  out->dtype = in[0].dtype;
  return FMP_OK;
}

/* A view of the same memory in which what repeats has stride 0. */
static fmp_status alias_broadcast_like(const fmp_host *h, const void *params, const fmp_view *in,
                                       fmp_view *out)
{
  const reduce_params *p = params;
  const uint32_t put_in = p->axes.count > 0 && !p->keep ? reduce_mask(p->axes, out->rank) : 0;
  fmp_view x = *in;
  (void)h;
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

static fmp_status infer_mean_back(const fmp_host *h, const void *params, const fmp_spec *in,
                                  uint32_t n_in, fmp_spec *out, uint32_t n_out)
{
  char td[FMP_SPEC_TEXT], tx[FMP_SPEC_TEXT];
  (void)params, (void)n_in, (void)n_out;
  FMP_TRY(fmp_check_dtype(h, "dy", in, FMP_FLOATS, floats_text));
  const int64_t n = fmp_spec_size(&in[0]), all = fmp_spec_size(&in[1]);
  FMP_REQUIRE(h, n == 0 ? all == 0 : all > 0 && all % n == 0, FMP_ESHAPE,
              "expected dy of x's shape reduced, got dy %s and x %s", h->spec_text(&in[0], td),
              h->spec_text(&in[1], tx));
  *out = in[0];
  return FMP_OK;
}

static fmp_status infer_extreme_back(const fmp_host *h, const void *params, const fmp_spec *in,
                                     uint32_t n_in, fmp_spec *out, uint32_t n_out)
{
  fmp_spec y;
  FMP_TRY(fmp_check_dtype(h, "x", in, FMP_FLOATS, floats_text));
  FMP_TRY(infer_extreme(h, params, in, n_in, &y, n_out));
  FMP_TRY(fmp_check_same_spec(h, "x's reduction", &y, "y", &in[1]));
  FMP_TRY(fmp_check_same_spec(h, "y", &in[1], "dy", &in[2]));
  *out = in[0];
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
#define REDUCTION                                                                     \
  .struct_size = sizeof(fmp_op_def), .version = 1, .attr_size = sizeof(fmp_attr_def), \
  .attrs = reduce_attrs, .n_attr = 2, .params_size = sizeof(reduce_params)
#define PLAIN .struct_size = sizeof(fmp_op_def), .version = 1, .attr_size = sizeof(fmp_attr_def)

static const fmp_op_def ops[] = {
    {REDUCTION, .name = "sum", .schema = "(x) -> (y)",
     .doc = "Sum along axes.\nFloats accumulate in f64; sums of integers are i64, of bf16 f32. No\n"
            "elements: 0.",
     .infer = infer_sum, .gradient = reduce_grad_sum, .gradient_ops = "broadcast_like"},
    {REDUCTION, .name = "mean", .schema = "(x) -> (y)",
     .doc = "Mean along axes; floats.\nAccumulates in f64; means of bf16 are f32. No elements: "
            "refused.",
     .infer = infer_mean, .gradient = reduce_grad_mean, .gradient_ops = "mean_back broadcast_like"},
    {REDUCTION, .name = "max", .schema = "(x) -> (y)",
     .doc =
         "Maximum along axes.\nNaN if there is one. No elements: refused. The gradient is shared\n"
         "equally by all that equal the maximum.",
     .infer = infer_extreme, .gradient = reduce_grad_extreme, .gradient_ops = "extreme_back"},
    {REDUCTION, .name = "min", .schema = "(x) -> (y)",
     .doc =
         "Minimum along axes.\nNaN if there is one. No elements: refused. The gradient is shared\n"
         "equally by all that equal the minimum.",
     .infer = infer_extreme, .gradient = reduce_grad_extreme, .gradient_ops = "extreme_back"},
    {.struct_size = sizeof(fmp_op_def),
     .version = 1,
     .attr_size = sizeof(fmp_attr_def),
     .name = "argmax",
     .schema = "(x) -> (y)",
     .doc = "Position of the maximum along an axis, from 0; i64.\n"
            "The first if there are several; the first NaN if there is one. No elements: refused.",
     .attrs = argmax_attrs,
     .n_attr = 1,
     .params_size = sizeof(argmax_params),
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
         "in at axes. Then x broadcasts as in NumPy; without axes that is all. A view of x.",
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
  for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) FMP_TRY(h->add_op(r, &ops[i]));
  FMP_TRY(reduce_add_ref(h, r));
  FMP_TRY(reduce_add_loops(h, r));
  FMP_TRY(reduce_add_argmax(h, r));
  return reduce_add_back(h, r);
}
