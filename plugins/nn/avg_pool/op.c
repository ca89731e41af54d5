/* SPDX-License-Identifier: Apache-2.0
 * avg_pool and its gradient; each is linear, and the other one's gradient. */
#include "avg_pool.h"

static fmp_status infer(const fmp_host *h, const void *params, const fmp_spec *in, uint32_t n_in,
                        fmp_spec *out, uint32_t n_out)
{
  struct pool pool = {0};
  (void)n_in;
  (void)n_out;
  return pool_infer(h, params, &in[0], &pool, &out[0]);
}

/* (dy, x~) -> (dx) */
static fmp_status infer_back(const fmp_host *h, const void *params, const fmp_spec *in,
                             uint32_t n_in, fmp_spec *out, uint32_t n_out)
{
  fmp_spec y;
  char wanted[FMP_SPEC_TEXT], got[FMP_SPEC_TEXT];
  FMP_TRY(infer(h, params, &in[1], n_in, &y, n_out));
  FMP_REQUIRE(h, in[0].dtype == y.dtype && fmp_same_shape(&in[0], &y), FMP_ESHAPE,
              "expected dy %s, got %s", h->spec_text(&y, wanted), h->spec_text(&in[0], got));
  out[0] = in[1];
  return FMP_OK;
}

static fmp_status gradient(const fmp_host *h, fmp_builder *b, const void *params)
{
  const fmp_value in[] = {h->grad_dout(b, 0), h->grad_in(b, 0)};
  fmp_attr attrs[POOL_AVG_ATTRS];
  pool_attrs_of(params, attrs);
  if (h->grad_wants(b, 0))
    h->grad_set(b, 0, h->emit(b, "avg_pool_back", attrs, POOL_AVG_ATTRS, in, 2));
  return FMP_OK;
}

static fmp_status gradient_back(const fmp_host *h, fmp_builder *b, const void *params)
{
  const fmp_value g = h->grad_dout(b, 0);
  fmp_attr attrs[POOL_AVG_ATTRS];
  pool_attrs_of(params, attrs);
  if (h->grad_wants(b, 0)) h->grad_set(b, 0, h->emit(b, "avg_pool", attrs, POOL_AVG_ATTRS, &g, 1));
  return FMP_OK;
}

static const char doc[] =
    "The mean of the elements under each window, channel by channel.\n"
    "x [n,h,w,c] -> y [n,oh,ow,c]. Divides by the number of elements in the image, or by the\n"
    "window's size if count_padding.\n"
    "oh = floor((h + top + bottom - window) / stride) + 1; padding same: oh = ceil(h / stride).";
static const char doc_back[] =
    "Gradient of avg_pool.\n"
    "dx = sum of dy / divisor over the windows that see the pixel. Takes avg_pool's\n"
    "attributes; of x only the shape is used. dy [n,oh,ow,c] -> dx [n,h,w,c].";

static const fmp_op_def defs[] = {
    {
        .name = "avg_pool",
        .schema = "(x) -> (y)",
        .doc = doc,
        .infer = infer,
        .gradient = gradient,
        .gradient_ops = "avg_pool_back",
    },
    {
        .name = "avg_pool_back",
        .schema = "(dy, x~) -> (dx)",
        .doc = doc_back,
        .infer = infer_back,
        .gradient = gradient_back,
        .gradient_ops = "avg_pool",
    },
};

fmp_status avg_pool_register(const fmp_host *h, fmp_registry *r);

fmp_status avg_pool_register(const fmp_host *h, fmp_registry *r)
{
  for (uint32_t i = 0; i < sizeof(defs) / sizeof(defs[0]); i++) {
    fmp_op_def def = defs[i];
    def.struct_size = sizeof(def);
    def.version = 1;
    def.attrs = pool_attrs;
    def.n_attr = POOL_AVG_ATTRS;
    def.attr_size = sizeof(fmp_attr_def);
    def.params_size = sizeof(struct pool_params);
    FMP_TRY(h->add_op(r, &def));
  }
  FMP_TRY(avg_pool_register_ref(h, r));
  FMP_TRY(avg_pool_register_avx2(h, r));
  return avg_pool_register_avx512(h, r);
}
