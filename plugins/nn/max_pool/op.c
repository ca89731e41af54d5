/* SPDX-License-Identifier: Apache-2.0
 * max_pool and its gradient. */
#include "max_pool.h"

static fmp_status infer(const fmp_host *h, const void *params, const fmp_spec *in, uint32_t n_in,
                        fmp_spec *out, uint32_t n_out)
{
  struct pool pool = {0};
  (void)n_in;
  FMP_TRY(pool_infer(h, params, &in[0], &pool, &out[0]));
  const int64_t taps = pool.window.y.size * pool.window.x.size;
  FMP_REQUIRE(h, taps <= MAX_POOL_TAPS, FMP_EINVAL,
              "expected a window of at most %d elements, got %lld", (int)MAX_POOL_TAPS,
              (long long)taps);
  if (n_out > 1) {
    out[1] = out[0];
    out[1].dtype = FMP_U8;
  }
  return FMP_OK;
}

/* (dy, argmax, x~) -> (dx) */
static fmp_status infer_back(const fmp_host *h, const void *params, const fmp_spec *in,
                             uint32_t n_in, fmp_spec *out, uint32_t n_out)
{
  fmp_spec y[2];
  char wanted[FMP_SPEC_TEXT], got[FMP_SPEC_TEXT];
  static const char *const names[2] = {"dy", "argmax"};
  (void)n_out;
  FMP_TRY(infer(h, params, &in[2], n_in, y, 2));
  for (int i = 0; i < 2; i++)
    FMP_REQUIRE(h, in[i].dtype == y[i].dtype && fmp_same_shape(&in[i], &y[i]), FMP_ESHAPE,
                "expected %s %s, got %s", names[i], h->spec_text(&y[i], wanted),
                h->spec_text(&in[i], got));
  out[0] = in[2];
  return FMP_OK;
}

static fmp_status gradient(const fmp_host *h, fmp_builder *b, const void *params)
{
  const fmp_value in[] = {h->grad_dout(b, 0), h->grad_out(b, 1), h->grad_in(b, 0)};
  fmp_attr attrs[POOL_AVG_ATTRS];
  pool_attrs_of(params, attrs);
  if (h->grad_wants(b, 0))
    h->grad_set(b, 0, h->emit(b, "max_pool_back", attrs, POOL_MAX_ATTRS, in, 3));
  return FMP_OK;
}

static const char doc[] =
    "The largest element under each window, channel by channel.\n"
    "x [n,h,w,c] -> y [n,oh,ow,c], argmax u8 [n,oh,ow,c]: which element it was, as\n"
    "row * width + column in the window. Padding never wins; of equals the first\n"
    "wins; NaN wins over numbers.\n"
    "oh = floor((h + top + bottom - window) / stride) + 1; padding same: oh = ceil(h / stride).\n"
    "Windows of at most 256 elements.";
static const char doc_back[] =
    "Gradient of max_pool.\n"
    "dx = sum of dy over the windows whose argmax names the pixel. Takes max_pool's attributes;\n"
    "of x only the shape is used. dy [n,oh,ow,c], argmax u8 [n,oh,ow,c] -> dx [n,h,w,c].";

static const fmp_op_def defs[] = {
    {
        .name = "max_pool",
        .schema = "(x) -> (y, argmax?)",
        .doc = doc,
        .infer = infer,
        .gradient = gradient,
        .gradient_ops = "max_pool_back",
    },
    {
        .name = "max_pool_back",
        .schema = "(dy, argmax, x~) -> (dx)",
        .doc = doc_back,
        .infer = infer_back,
    },
};

fmp_status max_pool_register(const fmp_host *h, fmp_registry *r);

fmp_status max_pool_register(const fmp_host *h, fmp_registry *r)
{
  for (uint32_t i = 0; i < sizeof(defs) / sizeof(defs[0]); i++) {
    fmp_op_def def = defs[i];
    def.struct_size = sizeof(def);
    def.version = 1;
    def.attrs = pool_attrs;
    def.n_attr = POOL_MAX_ATTRS;
    def.attr_size = sizeof(fmp_attr_def);
    def.params_size = sizeof(struct pool_params);
    FMP_TRY(h->add_op(r, &def));
  }
  FMP_TRY(max_pool_register_ref(h, r));
  FMP_TRY(max_pool_register_avx2(h, r));
  return max_pool_register_avx512(h, r);
}
