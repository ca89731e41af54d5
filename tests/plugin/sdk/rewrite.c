/* SPDX-License-Identifier: Apache-2.0
 * Three rewrites. Before gradients: sdk_double twice becomes sdk_quadruple, an op of its
 * own, and sdk_cube with that behind it one sdk_cube of four times the scale; the latter is
 * registered before what it builds on. After them: sdk_cube with sdk_double behind it becomes one
 * sdk_cube of twice the scale. */
#include "sdk.h"
#include "fmp/kit/attr.h"

/* -- sdk_quadruple --------------------------------------------------------- */

static fmp_status quadruple_gradient(const fmp_gradient_args *args)
{
  const fmp_host *h = args->host;
  const fmp_value dy = h->grad_dout(args->builder, 0);
  h->grad_set(args->builder, 0, h->emit(args->builder, "sdk_quadruple", NULL, 0, &dy, 1));
  return FMP_OK;
}

static fmp_status quadruple_run(const fmp_call *call)
{
  const int64_t n = fmp_view_size(&call->out[0]);
  if (call->in[0].dtype == FMP_F64)
    for (int64_t i = 0; i < n; i++)
      ((double *)call->out[0].data)[i] = 4 * ((const double *)call->in[0].data)[i];
  else
    for (int64_t i = 0; i < n; i++)
      ((float *)call->out[0].data)[i] = 4 * ((const float *)call->in[0].data)[i];
  return FMP_OK;
}

static const fmp_op_def quadruple = {.struct_size = sizeof(fmp_op_def),
                                     .name = "sdk_quadruple",
                                     .schema = "(x) -> (y)",
                                     .doc = "Four times each element.",
                                     .version = 1,
                                     .infer = infer_like_x,
                                     .gradient = quadruple_gradient,
                                     .gradient_ops = "sdk_quadruple"};

static const fmp_kernel_def quadruple_kernel = {.struct_size = sizeof(fmp_kernel_def),
                                                .op = "sdk_quadruple",
                                                .backend = "cpu",
                                                .name = "ref",
                                                .dtypes = FMP_BIT(FMP_F32) | FMP_BIT(FMP_F64),
                                                .run = quadruple_run};

/* -- rewrites -------------------------------------------------------------- */

static fmp_status emit_quadruple(const fmp_rewrite_args *args)
{
  const fmp_host *h = args->host;
  fmp_builder *b = args->builder;
  const fmp_value x = h->node_in(b, 0, 0);
  h->replace(b, 0, h->emit(b, "sdk_quadruple", NULL, 0, &x, 1));
  return FMP_OK;
}

/* 2 (scale x^3) = (2 scale) x^3 */
static fmp_status emit_scaled_cube(const fmp_rewrite_args *args)
{
  const fmp_host *h = args->host;
  fmp_builder *b = args->builder;
  const double *scale = h->node_params(b, 0); /* the only field of cube's params */
  if (!scale) return FMP_OK;
  const fmp_attr attrs[] = {fmp_attr_f64("scale", 2 * *scale)};
  const fmp_value x = h->node_in(b, 0, 0);
  h->replace(b, 0, h->emit(b, "sdk_cube", attrs, 1, &x, 1));
  return FMP_OK;
}

/* 4 (scale x^3) = (4 scale) x^3; reads the attribute as if cube were another plugin's. */
static fmp_status emit_fourfold_cube(const fmp_rewrite_args *args)
{
  const fmp_host *h = args->host;
  fmp_builder *b = args->builder;
  const fmp_value x = h->node_in(b, 0, 0);
  fmp_attr scale;
  if (h->node_attr(b, 0, "none", &scale)) return h->fail(FMP_EPLUGIN, "it has no such attribute");
  if (!h->node_attr(b, 0, "scale", &scale) || scale.kind != FMP_ATTR_F64) return FMP_OK;
  scale.value.f *= 4;
  h->replace(b, 0, h->emit(b, "sdk_cube", &scale, 1, &x, 1));
  return FMP_OK;
}

static const fmp_rewrite_def rewrites[] = {
    {.struct_size = sizeof(fmp_rewrite_def),
     .name = "sdk_cube_then_quadruple",
     .chain = "sdk_cube sdk_quadruple",
     .phase = FMP_REWRITE_BEFORE_GRADIENTS,
     .emit = emit_fourfold_cube},
    {.struct_size = sizeof(fmp_rewrite_def),
     .name = "sdk_double_twice",
     .chain = "sdk_double sdk_double",
     .phase = FMP_REWRITE_BEFORE_GRADIENTS,
     .emit = emit_quadruple},
    {.struct_size = sizeof(fmp_rewrite_def),
     .name = "sdk_cube_then_double",
     .chain = "sdk_cube sdk_double",
     .phase = FMP_REWRITE_AFTER_GRADIENTS,
     .emit = emit_scaled_cube},
};

fmp_status rewrite_register(const fmp_host *h, fmp_registry *r)
{
  FMP_TRY(h->add_op(r, &quadruple));
  FMP_TRY(h->add_kernel(r, &quadruple_kernel));
  return FMP_ADD_REWRITES(h, r, rewrites);
}
