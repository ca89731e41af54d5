/* SPDX-License-Identifier: Apache-2.0
 *
 * conv2d and its gradients by data and by weights. All three are linear in each of
 * two arrays, so that each one's gradients are the other two ops.
 */
#include "fmp/kit/attr.h"
#include "fmp/kit/check.h"

#include "conv.h"

#define COUNT(table) ((uint32_t)(sizeof(table) / sizeof((table)[0])))

/* -- attributes ------------------------------------------------------------ */

static const fmp_attr_def attr_defs[CONV_ATTRS] = {
    FMP_ATTR(struct conv_params, stride, FMP_ATTR_I64S, "[1,1]", WINDOW_POSITIVE,
             "step down and right"),
    FMP_ATTR(struct conv_params, padding, FMP_ATTR_STRING, "valid", WINDOW_PADDING,
             "same: out = ceil(in / stride), the odd pad at the bottom and right"),
    FMP_ATTR(struct conv_params, pads, FMP_ATTR_I64S, "[]", WINDOW_NOT_NEGATIVE,
             "[top,bottom,left,right] of zeros for explicit padding"),
    FMP_ATTR(struct conv_params, dilation, FMP_ATTR_I64S, "[1,1]", WINDOW_POSITIVE,
             "distance of neighbouring taps; 1: a solid window"),
    FMP_ATTR(struct conv_params, groups, FMP_ATTR_I64, "1", WINDOW_POSITIVE,
             "channels fall into groups that do not see each other"),
    FMP_ATTR(struct conv_params, winograd, FMP_ATTR_STRING, "exact", "exact|fast|off",
             "sums by Winograd's transforms in tiles, whose outputs err by their tile's largest "
             "input: exact takes tiles of up to 3x3 outputs, fast of up to 5x5, which err up to "
             "20 times as much, off none"),
    FMP_ATTR(
        struct conv_params, slope, FMP_ATTR_F64, "1", "[0,inf)",
        "of a leaky rectifier behind the bias: y = v where v > 0, else slope * v; with slope 0 "
        "what is infinite or NaN may become 0"),
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
  const fmp_spec wanted = {y->dtype, 1, {y->shape[3], 0, 0, 0, 0, 0, 0, 0}};
  FMP_REQUIRE(h, b->rank == 1 && b->shape[0] == wanted.shape[0], FMP_ESHAPE,
              "expected b [%lld], one number for each filter of w, got %s",
              (long long)wanted.shape[0], h->spec_text(b, text));
  FMP_REQUIRE(h, b->dtype == wanted.dtype, FMP_EDTYPE, "expected b of x's type, got %s",
              h->spec_text(b, text));
  return FMP_OK;
}

static fmp_status infer_forward(const fmp_host *h, const void *params, const fmp_spec *in,
                                uint32_t n_in, fmp_spec *out, uint32_t n_out)
{
  (void)n_in;
  (void)n_out;
  FMP_TRY(derive_y(h, params, &in[0], &in[1], &out[0]));
  return fmp_spec_present(&in[CONV_BIAS]) ? check_bias(h, &in[CONV_BIAS], &out[0]) : FMP_OK;
}

/* dy must be what the forward op would have made of x and w. */
static fmp_status check_dy(const fmp_host *h, const struct conv_params *p, const fmp_spec *x,
                           const fmp_spec *w, const fmp_spec *dy)
{
  fmp_spec y;
  char wanted[FMP_SPEC_TEXT], got[FMP_SPEC_TEXT];
  FMP_TRY(derive_y(h, p, x, w, &y));
  FMP_REQUIRE(h, dy->dtype == y.dtype && fmp_same_shape(dy, &y), FMP_ESHAPE,
              "expected dy %s, got %s", h->spec_text(&y, wanted), h->spec_text(dy, got));
  return FMP_OK;
}

/* What lends its shape alone may be f32 beside bf16, and so will be the gradient: a master's
 * is not rounded to bf16 on its way. */
static fmp_spec beside(const fmp_spec *like, const fmp_spec *operand)
{
  fmp_spec s = *like;
  if (s.dtype == FMP_F32 && operand->dtype == FMP_BF16) s.dtype = FMP_BF16;
  return s;
}

static fmp_status infer_back_data(const fmp_host *h, const void *params, const fmp_spec *in,
                                  uint32_t n_in, fmp_spec *out, uint32_t n_out)
{
  (void)n_in;
  (void)n_out;
  const fmp_spec x = beside(&in[2], &in[1]);
  out[0] = in[2];
  return check_dy(h, params, &x, &in[1], &in[0]);
}

static fmp_status infer_back_weights(const fmp_host *h, const void *params, const fmp_spec *in,
                                     uint32_t n_in, fmp_spec *out, uint32_t n_out)
{
  (void)n_in;
  (void)n_out;
  const fmp_spec w = beside(&in[2], &in[0]);
  out[0] = in[2];
  return check_dy(h, params, &in[0], &w, &in[1]);
}

/* -- work ------------------------------------------------------------------ */

/* A product and a sum for each element of y and each weight that it sees. */
static double products(const fmp_spec *y, const fmp_spec *w)
{
  return 2 * (double)fmp_spec_size(y) * (double)fmp_spec_size(w) / (double)w->shape[0];
}

static double flops_forward(const void *params, const fmp_spec *in, uint32_t n_in,
                            const fmp_spec *out, uint32_t n_out)
{
  (void)params, (void)n_in, (void)n_out;
  return products(&out[0], &in[1]);
}

static double flops_back_data(const void *params, const fmp_spec *in, uint32_t n_in,
                              const fmp_spec *out, uint32_t n_out)
{
  (void)params, (void)n_in, (void)out, (void)n_out;
  return products(&in[0], &in[1]);
}

static double flops_back_weights(const void *params, const fmp_spec *in, uint32_t n_in,
                                 const fmp_spec *out, uint32_t n_out)
{
  (void)params, (void)n_in, (void)n_out;
  return products(&in[1], &out[0]);
}

/* -- gradients ------------------------------------------------------------- */

static fmp_value emit(const fmp_host *h, fmp_builder *b, const struct conv_params *p, int direction,
                      fmp_value a, fmp_value c, fmp_value like)
{
  const fmp_value in[] = {a, c, like};
  fmp_attr attrs[CONV_ATTRS];
  conv_attrs(p, attrs);
  return h->emit(b, conv_ops[direction], attrs, CONV_BACK_ATTRS, in, COUNT(in));
}

/* db = dy summed over images, rows and columns. */
static fmp_value emit_bias_gradient(const fmp_host *h, fmp_builder *b, fmp_value dy)
{
  static const int64_t axes[] = {1, 2, 3};
  const fmp_attr attrs[] = {fmp_attr_i64s("axes", axes, COUNT(axes))};
  return h->emit(b, "sum", attrs, COUNT(attrs), &dy, 1);
}

/* d(loss)/d(v), v being what the activation is applied to: its sign is y's. */
static fmp_value emit_before_activation(const fmp_host *h, fmp_builder *b,
                                        const struct conv_params *p)
{
  const fmp_value in[] = {h->grad_dout(b, 0), h->grad_out(b, 0)};
  const fmp_attr slope = fmp_attr_f64("slope", p->slope);
  if (!conv_has_activation(p)) return in[0];
  return h->emit(b, "leaky_relu_back", &slope, 1, in, COUNT(in));
}

static fmp_status gradient_forward(const fmp_host *h, fmp_builder *b, const void *params)
{
  const fmp_value x = h->grad_in(b, 0), w = h->grad_in(b, 1);
  const fmp_value dy = emit_before_activation(h, b, params);
  if (h->grad_wants(b, 0)) h->grad_set(b, 0, emit(h, b, params, CONV_BACK_DATA, dy, w, x));
  if (h->grad_wants(b, 1)) h->grad_set(b, 1, emit(h, b, params, CONV_BACK_WEIGHTS, x, dy, w));
  if (h->grad_wants(b, CONV_BIAS)) h->grad_set(b, CONV_BIAS, emit_bias_gradient(h, b, dy));
  return FMP_OK;
}

/* dx = back_data(dy, w): with g = d(loss)/d(dx), d/d(dy) = conv2d(g, w). */
static fmp_status gradient_back_data(const fmp_host *h, fmp_builder *b, const void *params)
{
  const fmp_value dy = h->grad_in(b, 0), w = h->grad_in(b, 1), g = h->grad_dout(b, 0);
  if (h->grad_wants(b, 0)) h->grad_set(b, 0, emit(h, b, params, CONV_FORWARD, g, w, 0));
  if (h->grad_wants(b, 1)) h->grad_set(b, 1, emit(h, b, params, CONV_BACK_WEIGHTS, g, dy, w));
  return FMP_OK;
}

/* dw = back_weights(x, dy): with g = d(loss)/d(dw), d/d(dy) = conv2d(x, g). */
static fmp_status gradient_back_weights(const fmp_host *h, fmp_builder *b, const void *params)
{
  const fmp_value x = h->grad_in(b, 0), dy = h->grad_in(b, 1), g = h->grad_dout(b, 0);
  if (h->grad_wants(b, 0)) h->grad_set(b, 0, emit(h, b, params, CONV_BACK_DATA, dy, g, x));
  if (h->grad_wants(b, 1)) h->grad_set(b, 1, emit(h, b, params, CONV_FORWARD, x, g, 0));
  return FMP_OK;
}

/* -- definitions ----------------------------------------------------------- */

static const char doc_forward[] =
    "Convolution of images with filters, plus a bias, under a leaky rectifier if slope is not 1.\n"
    "y[n,i,j,o] = b[o] + sum over k,l,c of x[n, i*stride-top+k*dilation, j*..., c] * w[o,k,l,c];\n"
    "outside of x are zeros. x [n,h,w,ic], w [oc,kh,kw,ic/groups], b [oc] -> y [n,oh,ow,oc].\n"
    "oh = floor((h + top + bottom - (kh-1)*dilation - 1) / stride) + 1;\n"
    "padding same: oh = ceil(h / stride), the odd pad at the bottom and right.";
static const char doc_back_data[] =
    "Gradient of conv2d by its images.\n"
    "dx[n,i,j,c] = sum of dy * w over all windows that see pixel (i,j). Takes conv2d's\n"
    "attributes; of x only the shape is used.\n"
    "dy [n,oh,ow,oc], w [oc,kh,kw,ic/groups] -> dx [n,h,w,ic], of x's type: f32, if x is,\n"
    "also for dy and w of bf16.";
static const char doc_back_weights[] =
    "Gradient of conv2d by its filters.\n"
    "dw[o,k,l,c] = sum of dy * x over all images and windows. Takes conv2d's attributes; of w\n"
    "only the shape is used. x [n,h,w,ic], dy [n,oh,ow,oc] -> dw [oc,kh,kw,ic/groups].\n"
    "Of w's type: f32, if w is, also for x and dy of bf16.";

static const fmp_op_def defs[] = {
    {
        .name = "conv2d",
        .schema = "(x, w, b?) -> (y)",
        .doc = doc_forward,
        .infer = infer_forward,
        .flops = flops_forward,
        .gradient = gradient_forward,
        .gradient_ops = "conv2d_back_data conv2d_back_weights sum leaky_relu_back",
    },
    {
        .name = "conv2d_back_data",
        .schema = "(dy, w, x~) -> (dx)",
        .doc = doc_back_data,
        .infer = infer_back_data,
        .flops = flops_back_data,
        .gradient = gradient_back_data,
        .gradient_ops = "conv2d conv2d_back_weights",
    },
    {
        .name = "conv2d_back_weights",
        .schema = "(x, dy, w~) -> (dw)",
        .doc = doc_back_weights,
        .infer = infer_back_weights,
        .flops = flops_back_weights,
        .gradient = gradient_back_weights,
        .gradient_ops = "conv2d conv2d_back_data",
    },
};

fmp_status conv2d_register(const fmp_host *h, fmp_registry *r);

fmp_status conv2d_register(const fmp_host *h, fmp_registry *r)
{
  for (uint32_t i = 0; i < COUNT(defs); i++) {
    fmp_op_def def = defs[i];
    def.struct_size = sizeof(def);
    def.version = 1;
    def.precision = FMP_PRECISION_LOW;
    def.attrs = attr_defs;
    def.n_attr = i == CONV_FORWARD ? CONV_ATTRS : CONV_BACK_ATTRS;
    def.attr_size = sizeof(fmp_attr_def);
    def.params_size = sizeof(struct conv_params);
    FMP_TRY(h->add_op(r, &def));
  }
  FMP_TRY(conv2d_register_rewrites(h, r));
  FMP_TRY(conv2d_register_ref(h, r));
  return conv2d_register_onednn(h, r);
}
