/* SPDX-License-Identifier: Apache-2.0
 * fractional_max_pool and its gradient. */
#include "fractional_max_pool.h"
#include "fmp/kit/register.h"

/* -- shape inference -------------------------------------------------------- */

/* (x, rows, cols) -> y */
static fmp_status infer_y(const fmp_host *h, const void *params, const fmp_spec *x,
                          const fmp_spec sequences[2], fmp_spec *y)
{
  struct pooling p;
  FMP_TRY(pooling_make(h, params, x, sequences, &p));
  *y = *x; /* no larger, so its size needs no check */
  y->shape[1] = p.axis[0].out;
  y->shape[2] = p.axis[1].out;
  return FMP_OK;
}

static fmp_status infer(const fmp_infer_args *args)
{
  const fmp_spec *in = args->in;
  fmp_spec *out = args->out;
  FMP_TRY(infer_y(args->host, args->params, &in[FORWARD_X], &in[FORWARD_ROWS], &out[0]));
  if (args->n_out > 1) {
    out[1] = out[0];
    out[1].dtype = FMP_U8;
  }
  return FMP_OK;
}

/* y must be there exactly if slope is not 1. */
static fmp_status check_y(const fmp_host *h, const struct pool_params *p, const fmp_spec *given,
                          const fmp_spec *y)
{
  char wanted[FMP_SPEC_TEXT], got[FMP_SPEC_TEXT];
  FMP_REQUIRE(h, p->slope != 1 || given->dtype == FMP_NONE, FMP_EINVAL,
              "expected no y, since slope is 1, got %s", h->spec_text(given, got));
  FMP_REQUIRE(h, p->slope == 1 || given->dtype != FMP_NONE, FMP_EINVAL,
              "expected y %s, since slope is %g, got none", h->spec_text(y, wanted), p->slope);
  return p->slope == 1 ? FMP_OK : fmp_check_same_spec(h, "y", given, "dy", y);
}

static fmp_status infer_back(const fmp_infer_args *args)
{
  static const char *const names[2] = {"dy", "argmax"};
  const fmp_host *h = args->host;
  const fmp_spec *in = args->in;
  char wanted[FMP_SPEC_TEXT], got[FMP_SPEC_TEXT];
  fmp_spec y;
  FMP_TRY(infer_y(h, args->params, &in[BACK_X], &in[BACK_ROWS], &y));
  FMP_TRY(check_y(h, args->params, &in[BACK_Y], &y));
  for (int i = 0; i < 2; i++) {
    if (i == BACK_ARGMAX) y.dtype = FMP_U8;
    FMP_REQUIRE(h, in[i].dtype == y.dtype && fmp_same_shape(&in[i], &y), FMP_ESHAPE,
                "expected %s %s, got %s", names[i], h->spec_text(&y, wanted),
                h->spec_text(&in[i], got));
  }
  *args->out = in[BACK_X];
  return FMP_OK;
}

static fmp_status gradient(const fmp_gradient_args *args)
{
  const fmp_host *h = args->host;
  fmp_builder *b = args->builder;
  const struct pool_params *p = args->params;
  const fmp_value in[] = {h->grad_dout(b, 0), h->grad_out(b, 1),
                          h->grad_in(b, 1),   h->grad_in(b, 2),
                          h->grad_in(b, 0),   p->slope != 1 ? h->grad_out(b, 0) : 0};
  const fmp_attr attrs[] = {
      fmp_attr_string("window", p->window),
      fmp_attr_list("pool", FMP_ATTR_I64S, p->pool),
      fmp_attr_bool("overlapping", p->overlapping),
      fmp_attr_f64("slope", p->slope),
  };
  h->grad_set(b, 0, h->emit(b, "fractional_max_pool_back", attrs, 4, in, 6));
  return FMP_OK;
}

/* -- definitions ------------------------------------------------------------- */

static const fmp_attr_def attrs[] = {
    FMP_ATTR(struct pool_params, window, FMP_ATTR_STRING, "boundaries", AXIS_WINDOWS,
             "what rows and cols are: boundaries between windows, or starts of fixed ones"),
    FMP_ATTR(struct pool_params, pool, FMP_ATTR_I64S, "[2]", NULL,
             "height and width of fixed windows"),
    FMP_ATTR(struct pool_params, overlapping, FMP_ATTR_BOOL, "false", NULL,
             "boundaries: a window ends with the first row and column of the next one, not "
             "before it; fixed windows overlap as they start"),
    FMP_ATTR(struct pool_params, slope, FMP_ATTR_F64, "1", "[0,inf)",
             "factor of negative maxima: leaky_relu of the pooling, in one pass; 1: none"),
};

static const char doc[] =
    "The largest element of each window, channel by channel; windows by fmp_regions.\n"
    "x [n,h,w,c], rows i32 [oh+1], cols i32 [ow+1] -> y [n,oh,ow,c], argmax u8 [n,oh,ow,c].\n"
    "Window (i,j) holds rows[i] to rows[i+1] - 1, with `overlapping` to rows[i+1] where that is\n"
    "in the image; fixed: rows[i] to rows[i] + pool - 1, of rows [oh]. Columns alike.\n"
    "rows [n,...] and cols [n,...] have a sequence for each image. Positions must rise and lie\n"
    "in the image; pixels in no window are skipped, pixels in several may win several times.\n"
    "argmax: which element it was, as row * width + column in its window, with the window's own\n"
    "width. Of equals the first wins; NaN wins over numbers. Windows of at most 256 elements.\n"
    "y is the maximum, or with a slope leaky_relu of it. In bf16 maxima are exact.";
static const char doc_back[] =
    "Gradient of fractional_max_pool.\n"
    "dx = sum of dy over the windows whose argmax names the pixel, in order of the windows: the\n"
    "same bits on any number of threads. Takes fractional_max_pool's attributes; of x only the\n"
    "shape is used. dy [n,oh,ow,c], argmax u8 [n,oh,ow,c] -> dx [n,h,w,c]. An argmax that names\n"
    "no element of its window passes nothing on. With a slope other than 1 it needs y\n"
    "[n,oh,ow,c] as well, and dy goes through leaky_relu_back first. bf16 is summed in\n"
    "f32 and rounded once.";

#define POOLING \
  .struct_size = sizeof(fmp_op_def), .version = 1, FMP_PARAMS(struct pool_params, attrs)

static const fmp_op_def defs[] = {
    {
        POOLING,
        .name = "fractional_max_pool",
        .schema = "(x, rows, cols) -> (y, argmax?)",
        .doc = doc,
        .infer = infer,
        .gradient = gradient,
        .gradient_ops = "fractional_max_pool_back",
    },
    {
        POOLING,
        .name = "fractional_max_pool_back",
        .schema = "(dy, argmax, rows, cols, x~, y?) -> (dx)",
        .doc = doc_back,
        .infer = infer_back,
    },
};

fmp_status fractional_max_pool_register(const fmp_host *h, fmp_registry *r);

fmp_status fractional_max_pool_register(const fmp_host *h, fmp_registry *r)
{
  FMP_TRY(FMP_ADD_OPS(h, r, defs));
  FMP_TRY(pool_add_ref(h, r));
  return pool_add_rows(h, r);
}
