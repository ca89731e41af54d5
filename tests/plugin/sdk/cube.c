/* SPDX-License-Identifier: Apache-2.0
 * sdk_cube: y = scale * x^3, whose gradient is an op of its own, and sdk_double: y = 2 x,
 * whose gradient is an op of another plugin. */
#include "sdk.h"
#include "fmp/kit/attr.h"

struct cube_params {
  double scale;
};

/* -- gradients ------------------------------------------------------------- */

/* dx = 3 scale x^2 dy */
static fmp_status cube_gradient(const fmp_host *h, fmp_builder *b, const void *params)
{
  const struct cube_params *p = params;
  const fmp_attr attrs[] = {fmp_attr_f64("scale", p->scale)};
  const fmp_value in[] = {h->grad_dout(b, 0), h->grad_in(b, 0)};
  h->grad_set(b, 0, h->emit(b, "sdk_cube_back", attrs, 1, in, 2));
  return FMP_OK;
}

/* dx = 2 dy */
static fmp_status double_gradient(const fmp_host *h, fmp_builder *b, const void *params)
{
  (void)params;
  const fmp_value dy = h->grad_dout(b, 0);
  const fmp_value in[] = {dy, dy};
  h->grad_set(b, 0, h->emit(b, "add", NULL, 0, in, 2));
  return FMP_OK;
}

/* -- kernels --------------------------------------------------------------- */

struct arrays {
  const fmp_call *call;
  double scale;
};

static double get(const fmp_view *v, int64_t i)
{
  return v->dtype == FMP_F64 ? ((const double *)v->data)[i] : ((const float *)v->data)[i];
}

static void put(const fmp_view *v, int64_t i, double value)
{
  if (v->dtype == FMP_F64)
    ((double *)v->data)[i] = value;
  else
    ((float *)v->data)[i] = (float)value;
}

static fmp_status cube_range(void *arg, int64_t begin, int64_t end)
{
  const struct arrays *a = arg;
  for (int64_t i = begin; i < end; i++) {
    const double x = get(&a->call->in[0], i);
    put(&a->call->out[0], i, a->scale * x * x * x);
  }
  return FMP_OK;
}

static fmp_status cube_back_range(void *arg, int64_t begin, int64_t end)
{
  const struct arrays *a = arg;
  for (int64_t i = begin; i < end; i++) {
    const double dy = get(&a->call->in[0], i), x = get(&a->call->in[1], i);
    put(&a->call->out[0], i, 3 * a->scale * x * x * dy);
  }
  return FMP_OK;
}

static fmp_status double_range(void *arg, int64_t begin, int64_t end)
{
  const struct arrays *a = arg;
  for (int64_t i = begin; i < end; i++) put(&a->call->out[0], i, 2 * get(&a->call->in[0], i));
  return FMP_OK;
}

static fmp_status over_all(const fmp_call *call, fmp_range_fn body)
{
  const struct cube_params *p = call->params;
  struct arrays a = {call, p ? p->scale : 0};
  return call->host->parallel_for(call, fmp_view_size(&call->out[0]), 1024, body, &a);
}

static fmp_status cube_run(const fmp_call *call) { return over_all(call, cube_range); }
static fmp_status cube_back_run(const fmp_call *call) { return over_all(call, cube_back_range); }
static fmp_status double_run(const fmp_call *call) { return over_all(call, double_range); }

/* -- definitions ----------------------------------------------------------- */

static const fmp_attr_def scale_attr[] = {
    FMP_ATTR(struct cube_params, scale, FMP_ATTR_F64, "1", NULL, "factor in front of x^3")};

static const fmp_op_def ops[] = {
    {.struct_size = sizeof(fmp_op_def),
     .name = "sdk_cube",
     .schema = "(x) -> (y)",
     .doc = "The cube of each element, scaled.\ny = scale * x^3",
     .version = 1,
     .attrs = scale_attr,
     .n_attr = 1,
     .attr_size = sizeof(fmp_attr_def),
     .params_size = sizeof(struct cube_params),
     .infer = infer_like_x,
     .gradient = cube_gradient,
     .gradient_ops = "sdk_cube_back"},
    {.struct_size = sizeof(fmp_op_def),
     .name = "sdk_cube_back",
     .schema = "(dy, x) -> (dx)",
     .doc = "Gradient of sdk_cube: dx = 3 scale x^2 dy.",
     .version = 1,
     .attrs = scale_attr,
     .n_attr = 1,
     .attr_size = sizeof(fmp_attr_def),
     .params_size = sizeof(struct cube_params),
     .infer = infer_like_x},
    {.struct_size = sizeof(fmp_op_def),
     .name = "sdk_double",
     .schema = "(x) -> (y)",
     .doc = "Twice each element.",
     .version = 1,
     .infer = infer_like_x,
     .gradient = double_gradient,
     .gradient_ops = "add"},
};

static const fmp_inplace in_place[] = {{0, 0}};

static const fmp_kernel_def kernels[] = {
    {.struct_size = sizeof(fmp_kernel_def),
     .op = "sdk_cube",
     .backend = "cpu",
     .name = "ref",
     .dtypes = FMP_BIT(FMP_F32) | FMP_BIT(FMP_F64),
     .n_inplace = 1,
     .inplace = in_place,
     .run = cube_run},
    {.struct_size = sizeof(fmp_kernel_def),
     .op = "sdk_cube_back",
     .backend = "cpu",
     .name = "ref",
     .dtypes = FMP_BIT(FMP_F32) | FMP_BIT(FMP_F64),
     .run = cube_back_run},
    {.struct_size = sizeof(fmp_kernel_def),
     .op = "sdk_double",
     .backend = "cpu",
     .name = "ref",
     .dtypes = FMP_BIT(FMP_F32) | FMP_BIT(FMP_F64),
     .run = double_run},
};

fmp_status cube_register(const fmp_host *h, fmp_registry *r)
{
  for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) FMP_TRY(h->add_op(r, &ops[i]));
  for (size_t i = 0; i < sizeof kernels / sizeof kernels[0]; i++)
    FMP_TRY(h->add_kernel(r, &kernels[i]));
  return FMP_OK;
}
