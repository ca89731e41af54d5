/* SPDX-License-Identifier: Apache-2.0
 *
 * conv2d and its gradients by data and by weights. All three are linear in each of two arrays, so
 * the gradients of each are the other two ops.
 */
#include "fmp/kit/attr.h"
#include "fmp/kit/check.h"
#include "fmp/kit/register.h"

#include "conv.h"

/* -- attributes ------------------------------------------------------------ */

static const fmp_attr_def attr_defs[CONV_ATTRS] = {
    FMP_ATTR(struct conv_params, stride, FMP_ATTR_I64S, "[1,1]", WINDOW_POSITIVE,
             "step down and right"),
    FMP_ATTR(struct conv_params, padding, FMP_ATTR_STRING, "valid", WINDOW_PADDING,
             "same: out = ceil(in / stride), the odd pad at the bottom and right"),
    FMP_ATTR(struct conv_params, pads, FMP_ATTR_I64S, "[]", WINDOW_NOT_NEGATIVE,
             "[top,bottom,left,right] of zeros for explicit padding"),
    FMP_ATTR(struct conv_params, dilation, FMP_ATTR_I64S, "[1,1]", WINDOW_POSITIVE,
             "distance between neighbouring taps; 1: a solid window"),
    FMP_ATTR(struct conv_params, groups, FMP_ATTR_I64, "1", WINDOW_POSITIVE,
             "channels fall into groups that do not see each other"),
    FMP_ATTR(
        struct conv_params, winograd, FMP_ATTR_STRING, "exact", "exact|fast|off",
        "Winograd's transforms, in tiles whose outputs have errors in proportion to the tile's "
        "largest input. exact: tiles of up to 3x3 outputs; fast: up to 5x5, with up to 20 "
        "times the error; off: no transforms"),
    FMP_ATTR(struct conv_params, slope, FMP_ATTR_F64, "1", "[0,inf)",
             "of a leaky rectifier after the bias: y = v where v > 0, else slope * v; with slope 0 "
             "infinite values and NaN may become 0"),
};

void conv_attrs(const struct conv_params *p, fmp_attr attrs[CONV_ATTRS])
{
  attrs[0] = fmp_attr_list("stride", FMP_ATTR_I64S, p->stride);
  attrs[1] = fmp_attr_string("padding", p->padding);
  attrs[2] = fmp_attr_list("pads", FMP_ATTR_I64S, p->pads);
  attrs[3] = fmp_attr_list("dilation", FMP_ATTR_I64S, p->dilation);
  attrs[4] = fmp_attr_i64("groups", p->groups);
  attrs[5] = fmp_attr_string("winograd", p->winograd);
  attrs[6] = fmp_attr_f64("slope", p->slope);
}

/* -- shape inference ------------------------------------------------------- */

/* Checks x against w, and derives y. */
static fmp_status derive_y(const fmp_host *h, const struct conv_params *p, const fmp_spec *x,
                           const fmp_spec *w, fmp_spec *y)
{
  char tx[FMP_SPEC_TEXT], tw[FMP_SPEC_TEXT];
  struct conv c = {0};
  FMP_TRY(fmp_check_rank(h, "x", x, 4, "[n,h,w,c]"));
  FMP_TRY(fmp_check_rank(h, "w", w, 4, "[oc,kh,kw,c/groups]"));
  FMP_TRY(fmp_check_dtype(h, "x", x, FMP_FLOATS, "f32, f64 or bf16"));
  FMP_REQUIRE(h, x->dtype == w->dtype, FMP_EDTYPE, "expected w of x's type: %s, got %s",
              h->spec_text(x, tx), h->spec_text(w, tw));
  FMP_TRY(conv_make(h, p, x->shape, w->shape, &c));
  FMP_TRY(fmp_check_holds(h, "slope", x->dtype, p->slope));
  return window_output(h, &c.window, x->dtype, c.n, c.oc, y);
}

static fmp_status check_bias(const fmp_host *h, const fmp_spec *b, const fmp_spec *y)
{
  char text[FMP_SPEC_TEXT];
  FMP_REQUIRE(h, b->rank == 1 && b->shape[0] == y->shape[3], FMP_ESHAPE,
              "expected b [%lld], one number for each filter of w, got %s", (long long)y->shape[3],
              h->spec_text(b, text));
  FMP_REQUIRE(h, b->dtype == y->dtype, FMP_EDTYPE, "expected b of x's type, got %s",
              h->spec_text(b, text));
  return FMP_OK;
}

static fmp_status infer_forward(const fmp_infer_args *a)
{
  const fmp_spec *b = &a->in[CONV_BIAS], *y = &a->out[0];
  FMP_TRY(derive_y(a->host, a->params, &a->in[0], &a->in[1], &a->out[0]));
  return fmp_spec_present(b) ? check_bias(a->host, b, y) : FMP_OK;
}

/* dy must be what the forward op would have made of x and w. */
static fmp_status check_dy(const fmp_infer_args *a, const fmp_spec *x, const fmp_spec *w,
                           const fmp_spec *dy)
{
  fmp_spec y;
  FMP_TRY(derive_y(a->host, a->params, x, w, &y));
  return window_check_made(a->host, "dy", &y, dy);
}

/* An input that only lends its shape may be f32 beside bf16, and then so is the gradient: that of
 * a master copy is not rounded to bf16 on the way. */
static fmp_spec beside(const fmp_spec *like, const fmp_spec *operand)
{
  fmp_spec s = *like;
  if (s.dtype == FMP_F32 && operand->dtype == FMP_BF16) s.dtype = FMP_BF16;
  return s;
}

static fmp_status infer_back_data(const fmp_infer_args *a)
{
  const fmp_spec x = beside(&a->in[2], &a->in[1]);
  a->out[0] = a->in[2];
  return check_dy(a, &x, &a->in[1], &a->in[0]);
}

static fmp_status infer_back_weights(const fmp_infer_args *a)
{
  const fmp_spec w = beside(&a->in[2], &a->in[0]);
  a->out[0] = a->in[2];
  return check_dy(a, &a->in[0], &w, &a->in[1]);
}

/* -- work ------------------------------------------------------------------ */

static const fmp_spec *operand(const fmp_flops_args *a, int i)
{
  const struct conv_op *op = a->data;
  return op->places[i] == CONV_OUTPUT ? &a->out[0] : &a->in[op->places[i]];
}

/* A multiplication and an addition for each element of y and each weight that it sees. */
static double flops(const fmp_flops_args *a)
{
  const fmp_spec *y = operand(a, CONV_Y), *w = operand(a, CONV_W);
  return 2 * (double)fmp_spec_size(y) * (double)fmp_spec_size(w) / (double)w->shape[0];
}

/* -- gradients ------------------------------------------------------------- */

/* Emits the op of a direction; operands are x, w and y, or stand for them. A gradient is also
 * handed the operand that it makes, for its shape. */
static fmp_value emit(const fmp_gradient_args *a, int direction,
                      const fmp_value operands[CONV_OPERANDS])
{
  const struct conv_op *op = &conv_ops[direction];
  fmp_value in[3] = {0};
  fmp_attr attrs[CONV_ATTRS];
  for (int i = 0; i < CONV_OPERANDS; i++)
    if (op->places[i] != CONV_OUTPUT)
      in[op->places[i]] = operands[i];
    else if (direction != CONV_FORWARD)
      in[2] = operands[i];
  conv_attrs(a->params, attrs);
  return a->host->emit(a->builder, op->name, attrs, CONV_BACK_ATTRS, in, 3);
}

/* Sets the gradients of the two operands that the op reads; g is d(loss)/d(what it makes). It is
 * linear in each of the two, so the gradient of one is the op that makes it, on the other and g. */
static void set_gradients(const fmp_gradient_args *a, fmp_value g)
{
  static const int makers[CONV_OPERANDS] = {
      [CONV_X] = CONV_BACK_DATA, [CONV_W] = CONV_BACK_WEIGHTS, [CONV_Y] = CONV_FORWARD};
  const fmp_host *h = a->host;
  const int *places = ((const struct conv_op *)a->data)->places;
  fmp_value operands[CONV_OPERANDS];
  for (int i = 0; i < CONV_OPERANDS; i++)
    operands[i] = places[i] == CONV_OUTPUT ? g : h->grad_in(a->builder, (uint32_t)places[i]);
  for (int i = 0; i < CONV_OPERANDS; i++)
    if (places[i] != CONV_OUTPUT && h->grad_wants(a->builder, (uint32_t)places[i]))
      h->grad_set(a->builder, (uint32_t)places[i], emit(a, makers[i], operands));
}

/* db = dy summed over images, rows and columns. */
static fmp_value emit_bias_gradient(const fmp_gradient_args *a, fmp_value dy)
{
  static const int64_t axes[] = {1, 2, 3};
  const fmp_attr attr = fmp_attr_i64s("axes", axes, 3);
  return a->host->emit(a->builder, "sum", &attr, 1, &dy, 1);
}

/* d(loss)/d(v), where v is what the activation is applied to; it has y's sign. */
static fmp_value emit_before_activation(const fmp_gradient_args *a)
{
  const struct conv_params *p = a->params;
  const fmp_value in[] = {a->host->grad_dout(a->builder, 0), a->host->grad_out(a->builder, 0)};
  const fmp_attr slope = fmp_attr_f64("slope", p->slope);
  if (!conv_has_activation(p)) return in[0];
  return a->host->emit(a->builder, "leaky_relu_back", &slope, 1, in, 2);
}

static fmp_status gradient_forward(const fmp_gradient_args *a)
{
  const fmp_value dy = emit_before_activation(a);
  set_gradients(a, dy);
  if (a->host->grad_wants(a->builder, CONV_BIAS))
    a->host->grad_set(a->builder, CONV_BIAS, emit_bias_gradient(a, dy));
  return FMP_OK;
}

static fmp_status gradient_back(const fmp_gradient_args *a)
{
  set_gradients(a, a->host->grad_dout(a->builder, 0));
  return FMP_OK;
}

/* -- definitions ----------------------------------------------------------- */

static const char doc_forward[] =
    "Convolution of images with filters, plus a bias, then a leaky rectifier if slope is not 1.\n"
    "y[n,i,j,o] = b[o] + sum over k,l,c of x[n, i*stride-top+k*dilation, j*..., c] * w[o,k,l,c];\n"
    "outside of x are zeros. x [n,h,w,ic], w [oc,kh,kw,ic/groups], b [oc] -> y [n,oh,ow,oc].\n"
    "oh = floor((h + top + bottom - (kh-1)*dilation - 1) / stride) + 1;\n"
    "padding same: oh = ceil(h / stride), the odd pad at the bottom and right.";
static const char doc_back_data[] =
    "Gradient of conv2d by its images.\n"
    "dx[n,i,j,c] = sum of dy * w over all windows that see pixel (i,j). Takes conv2d's\n"
    "attributes; of x only the shape is used.\n"
    "dy [n,oh,ow,oc], w [oc,kh,kw,ic/groups] -> dx [n,h,w,ic], of x's type: f32 if x is f32,\n"
    "even with dy and w of bf16.";
static const char doc_back_weights[] =
    "Gradient of conv2d by its filters.\n"
    "dw[o,k,l,c] = sum of dy * x over all images and windows. Takes conv2d's attributes; of w\n"
    "only the shape is used. x [n,h,w,ic], dy [n,oh,ow,oc] -> dw [oc,kh,kw,ic/groups].\n"
    "Of w's type: f32 if w is f32, even with x and dy of bf16.";

#define COMMON(which)                                                              \
  .struct_size = sizeof(fmp_op_def), .version = 1, .precision = FMP_PRECISION_LOW, \
  .attrs = attr_defs, .attr_size = sizeof(fmp_attr_def),                           \
  .params_size = sizeof(struct conv_params), .data = &conv_ops[which], .flops = flops

static const fmp_op_def ops[] = {
    {
        COMMON(CONV_FORWARD),
        .name = "conv2d",
        .schema = "(x, w, b?) -> (y)",
        .doc = doc_forward,
        .n_attr = CONV_ATTRS,
        .infer = infer_forward,
        .gradient = gradient_forward,
        .gradient_ops = "conv2d_back_data conv2d_back_weights sum leaky_relu_back",
    },
    {
        COMMON(CONV_BACK_DATA),
        .name = "conv2d_back_data",
        .schema = "(dy, w, x~) -> (dx)",
        .doc = doc_back_data,
        .n_attr = CONV_BACK_ATTRS,
        .infer = infer_back_data,
        .gradient = gradient_back,
        .gradient_ops = "conv2d conv2d_back_weights",
    },
    {
        COMMON(CONV_BACK_WEIGHTS),
        .name = "conv2d_back_weights",
        .schema = "(x, dy, w~) -> (dw)",
        .doc = doc_back_weights,
        .n_attr = CONV_BACK_ATTRS,
        .infer = infer_back_weights,
        .gradient = gradient_back,
        .gradient_ops = "conv2d conv2d_back_data",
    },
};

fmp_status conv2d_register(const fmp_host *h, fmp_registry *r);

fmp_status conv2d_register(const fmp_host *h, fmp_registry *r)
{
  FMP_TRY(FMP_ADD_OPS(h, r, ops));
  FMP_TRY(conv2d_register_rewrites(h, r));
  FMP_TRY(conv2d_register_ref(h, r));
  return conv2d_register_onednn(h, r);
}
