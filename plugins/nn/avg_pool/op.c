/* SPDX-License-Identifier: Apache-2.0
 * avg_pool and its gradient: both are linear, and each is the gradient of the other. */
#include "avg_pool.h"
#include "fmp/kit/register.h"

static fmp_status infer(const fmp_infer_args *a)
{
  struct pool pool = {0};
  return pool_infer(a->host, a->params, &a->in[0], &pool, &a->out[0]);
}

/* (dy, x~) -> (dx) */
static fmp_status infer_back(const fmp_infer_args *a)
{
  struct pool pool = {0};
  fmp_spec y;
  FMP_TRY(pool_infer(a->host, a->params, &a->in[1], &pool, &y));
  a->out[0] = a->in[1];
  return window_check_made(a->host, "dy", &y, &a->in[0]);
}

static fmp_status gradient(const fmp_gradient_args *a)
{
  const fmp_host *h = a->host;
  const fmp_value in[] = {h->grad_dout(a->builder, 0), h->grad_in(a->builder, 0)};
  h->grad_set(a->builder, 0, pool_emit(a, "avg_pool_back", POOL_AVG_ATTRS, in, 2));
  return FMP_OK;
}

static fmp_status gradient_back(const fmp_gradient_args *a)
{
  const fmp_host *h = a->host;
  const fmp_value g = h->grad_dout(a->builder, 0);
  h->grad_set(a->builder, 0, pool_emit(a, "avg_pool", POOL_AVG_ATTRS, &g, 1));
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

static const fmp_op_def ops[] = {
    {
        .struct_size = sizeof(fmp_op_def),
        .name = "avg_pool",
        .schema = "(x) -> (y)",
        .doc = doc,
        .version = 1,
        FMP_PARAMS(struct pool_params, pool_attrs),
        .infer = infer,
        .gradient = gradient,
        .gradient_ops = "avg_pool_back",
    },
    {
        .struct_size = sizeof(fmp_op_def),
        .name = "avg_pool_back",
        .schema = "(dy, x~) -> (dx)",
        .doc = doc_back,
        .version = 1,
        FMP_PARAMS(struct pool_params, pool_attrs),
        .infer = infer_back,
        .gradient = gradient_back,
        .gradient_ops = "avg_pool",
    },
};

static const fmp_kernel_def kernels[] = {
    POOL_ROWS("avg_pool", "ref", 0, FMP_FLOATS, 0, avg_pool_ref),
#if FMP_SIMD_X86
    POOL_ROWS("avg_pool", "avx2", 10, POOL_F32, 0, avg_pool_avx2),
    POOL_ROWS("avg_pool", "avx512", 20, POOL_F32, 0, avg_pool_avx512),
#endif
};

fmp_status avg_pool_register(const fmp_host *h, fmp_registry *r);

fmp_status avg_pool_register(const fmp_host *h, fmp_registry *r)
{
  FMP_TRY(FMP_ADD_OPS(h, r, ops));
  return fmp_add_kernels(h, r, kernels, pool_rows_here());
}
