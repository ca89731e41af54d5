/* SPDX-License-Identifier: Apache-2.0
 * max_pool and its gradient. */
#include "max_pool.h"
#include "fmp/kit/register.h"

/* out: y and, unless n_out is 1, argmax. */
static fmp_status derive(const fmp_infer_args *a, const fmp_spec *x, fmp_spec *out, uint32_t n_out)
{
  struct pool pool = {0};
  FMP_TRY(pool_infer(a->host, a->params, x, &pool, &out[0]));
  const int64_t taps = pool.window.y.size * pool.window.x.size;
  FMP_REQUIRE(a->host, taps <= MAX_POOL_TAPS, FMP_EINVAL,
              "expected a window of at most %d elements, got %lld", (int)MAX_POOL_TAPS,
              (long long)taps);
  if (n_out > 1) {
    out[1] = out[0];
    out[1].dtype = FMP_U8;
  }
  return FMP_OK;
}

static fmp_status infer(const fmp_infer_args *a) { return derive(a, &a->in[0], a->out, a->n_out); }

/* (dy, argmax, x~) -> (dx) */
static fmp_status infer_back(const fmp_infer_args *a)
{
  fmp_spec y[2];
  FMP_TRY(derive(a, &a->in[2], y, 2));
  FMP_TRY(window_check_made(a->host, "dy", &y[0], &a->in[0]));
  a->out[0] = a->in[2];
  return window_check_made(a->host, "argmax", &y[1], &a->in[1]);
}

static fmp_status gradient(const fmp_gradient_args *a)
{
  const fmp_host *h = a->host;
  fmp_builder *b = a->builder;
  const fmp_value in[] = {h->grad_dout(b, 0), h->grad_out(b, 1), h->grad_in(b, 0)};
  h->grad_set(b, 0, pool_emit(a, "max_pool_back", POOL_MAX_ATTRS, in, 3));
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

#define COMMON                                                                                    \
  .struct_size = sizeof(fmp_op_def), .version = 1, .attrs = pool_attrs, .n_attr = POOL_MAX_ATTRS, \
  .attr_size = sizeof(fmp_attr_def), .params_size = sizeof(struct pool_params)

static const fmp_op_def ops[] = {
    {
        COMMON,
        .name = "max_pool",
        .schema = "(x) -> (y, argmax?)",
        .doc = doc,
        .infer = infer,
        .gradient = gradient,
        .gradient_ops = "max_pool_back",
    },
    {
        COMMON,
        .name = "max_pool_back",
        .schema = "(dy, argmax, x~) -> (dx)",
        .doc = doc_back,
        .infer = infer_back,
    },
};

static const fmp_kernel_def kernels[] = {
    POOL_ROWS("max_pool", "ref", 0, FMP_FLOATS, FMP_BIT(FMP_U8), max_pool_ref),
#if FMP_SIMD_X86
    POOL_ROWS("max_pool", "avx2", 10, POOL_F32, FMP_BIT(FMP_U8), max_pool_avx2),
    POOL_ROWS("max_pool", "avx512", 20, POOL_F32, FMP_BIT(FMP_U8), max_pool_avx512),
#endif
};

fmp_status max_pool_register(const fmp_host *h, fmp_registry *r);

fmp_status max_pool_register(const fmp_host *h, fmp_registry *r)
{
  FMP_TRY(FMP_ADD_OPS(h, r, ops));
  return fmp_add_kernels(h, r, kernels, pool_rows_here());
}
