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
static fmp_status cube_gradient(const fmp_gradient_args *args)
{
  const fmp_host *h = args->host;
  fmp_builder *b = args->builder;
  const struct cube_params *p = args->params;
  const fmp_attr attrs[] = {fmp_attr_f64("scale", p->scale)};
  const fmp_value in[] = {h->grad_dout(b, 0), h->grad_in(b, 0)};
  h->grad_set(b, 0, h->emit(b, "sdk_cube_back", attrs, 1, in, 2));
  return FMP_OK;
}

/* dx = 2 dy */
static fmp_status double_gradient(const fmp_gradient_args *args)
{
  const fmp_host *h = args->host;
  fmp_builder *b = args->builder;
  const fmp_value dy = h->grad_dout(b, 0);
  const fmp_value in[] = {dy, dy};
  h->grad_set(b, 0, h->emit(b, "add", NULL, 0, in, 2));
  return FMP_OK;
}

/* -- kernels --------------------------------------------------------------- */

/* A kernel's data: y[i] of what the inputs have there. */
struct element {
  double (*y)(double scale, double a, double b);
};

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

static double cube(double scale, double x, double none)
{
  (void)none;
  return scale * x * x * x;
}

static double cube_back(double scale, double dy, double x) { return 3 * scale * x * x * dy; }

static double twice(double scale, double x, double none)
{
  (void)scale, (void)none;
  return 2 * x;
}

static fmp_status range(const fmp_range *r)
{
  const struct arrays *a = r->arg;
  const struct element *element = a->call->data;
  const fmp_view *in = a->call->in;
  const int two = a->call->n_in > 1;
  for (int64_t i = r->begin; i < r->end; i++)
    put(&a->call->out[0], i, element->y(a->scale, get(&in[0], i), two ? get(&in[1], i) : 0));
  return FMP_OK;
}

static fmp_status run(const fmp_call *call)
{
  const struct cube_params *p = call->params;
  struct arrays a = {call, p ? p->scale : 0};
  return call->host->parallel_for(call, fmp_view_size(&call->out[0]), 1024, range, &a);
}

/* -- definitions ----------------------------------------------------------- */

static const fmp_attr_def scale_attr[] = {
    FMP_ATTR(struct cube_params, scale, FMP_ATTR_F64, "1", NULL, "factor in front of x^3")};

static const fmp_op_def ops[] = {
    {.struct_size = sizeof(fmp_op_def),
     .name = "sdk_cube",
     .schema = "(x) -> (y)",
     .doc = "The cube of each element, scaled.\ny = scale * x^3",
     .version = 1,
     FMP_PARAMS(struct cube_params, scale_attr),
     .infer = infer_like_x,
     .gradient = cube_gradient,
     .gradient_ops = "sdk_cube_back"},
    {.struct_size = sizeof(fmp_op_def),
     .name = "sdk_cube_back",
     .schema = "(dy, x) -> (dx)",
     .doc = "Gradient of sdk_cube: dx = 3 scale x^2 dy.",
     .version = 1,
     FMP_PARAMS(struct cube_params, scale_attr),
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
static const struct element elements[] = {{cube}, {cube_back}, {twice}};

static const fmp_kernel_def kernels[] = {
    {.struct_size = sizeof(fmp_kernel_def),
     .op = "sdk_cube",
     .backend = "cpu",
     .name = "ref",
     .dtypes = FMP_BIT(FMP_F32) | FMP_BIT(FMP_F64),
     .inplace = in_place,
     .n_inplace = 1,
     .inplace_size = sizeof(fmp_inplace),
     .data = &elements[0],
     .run = run},
    {.struct_size = sizeof(fmp_kernel_def),
     .op = "sdk_cube_back",
     .backend = "cpu",
     .name = "ref",
     .dtypes = FMP_BIT(FMP_F32) | FMP_BIT(FMP_F64),
     .data = &elements[1],
     .run = run},
    {.struct_size = sizeof(fmp_kernel_def),
     .op = "sdk_double",
     .backend = "cpu",
     .name = "ref",
     .dtypes = FMP_BIT(FMP_F32) | FMP_BIT(FMP_F64),
     .data = &elements[2],
     .run = run},
};

fmp_status cube_register(const fmp_host *h, fmp_registry *r)
{
  FMP_TRY(FMP_ADD_OPS(h, r, ops));
  return FMP_ADD_KERNELS(h, r, kernels);
}
