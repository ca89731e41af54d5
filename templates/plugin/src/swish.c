/* SPDX-License-Identifier: Apache-2.0
 *
 * swish: y = x s(beta x), where s(z) = 1 / (1 + exp(-z)).
 * Its derivative is dy/dx = s + beta x s (1 - s), with s = s(beta x). */
#include <math.h>

#include "fmp/kit/attr.h"
#include "fmp/kit/check.h"
#include "fmp/kit/register.h"
#include "fmp/plugin.h"

enum { FLOATS = FMP_BIT(FMP_F32) | FMP_BIT(FMP_F64) };

/* How many elements are worth a thread of their own. */
enum { GRAIN = 16384 };

/* -- attributes ------------------------------------------------------------ */

typedef struct swish_params {
  double beta;
} swish_params;

/* From this table come checks, defaults, Lua arguments and help. */
static const fmp_attr_def attributes[] = {
    FMP_ATTR(swish_params, beta, FMP_ATTR_F64, "1", NULL, "steepness of the sigmoid"),
};

/* -- shapes ---------------------------------------------------------------- */

/* swish (x) -> (y): y is like x. */
static fmp_status swish_infer(const fmp_infer_args *args)
{
  const fmp_spec *x = &args->in[0];
  FMP_TRY(fmp_check_dtype(args->host, "x", x, FLOATS, "f32 or f64"));
  args->out[0] = *x;
  return FMP_OK;
}

/* swish_back (dy, x) -> (dx): all of one shape and type. */
static fmp_status swish_back_infer(const fmp_infer_args *args)
{
  const fmp_spec *dy = &args->in[0], *x = &args->in[1];
  FMP_TRY(fmp_check_dtype(args->host, "x", x, FLOATS, "f32 or f64"));
  FMP_TRY(fmp_check_same_spec(args->host, "x", x, "dy", dy));
  args->out[0] = *x;
  return FMP_OK;
}

/* -- gradient -------------------------------------------------------------- */

/* A gradient is emitted as further ops: here one call of swish_back. An op of several inputs sets
 * one for each that grad_wants names. */
static fmp_status swish_gradient(const fmp_gradient_args *args)
{
  const fmp_host *h = args->host;
  fmp_builder *b = args->builder;
  const swish_params *p = args->params;
  const fmp_attr attrs[] = {fmp_attr_f64("beta", p->beta)};
  const fmp_value in[] = {h->grad_dout(b, 0), h->grad_in(b, 0)};
  h->grad_set(b, 0, h->emit(b, "swish_back", attrs, 1, in, 2));
  return FMP_OK;
}

/* -- one element ----------------------------------------------------------- */

static double sigmoid(double z) { return 1 / (1 + exp(-z)); }

static double swish_at(double x, double beta) { return x * sigmoid(beta * x); }

static double swish_back_at(double dy, double x, double beta)
{
  const double s = sigmoid(beta * x);
  return dy * (s + beta * x * s * (1 - s));
}

/* -- kernels --------------------------------------------------------------- */

/* The loops are written once for both types: the compiler makes two of each. */
static double load(const fmp_view *v, int64_t i)
{
  return v->dtype == FMP_F32 ? (double)((const float *)v->data)[i] : ((const double *)v->data)[i];
}

static void store(const fmp_view *v, int64_t i, double value)
{
  if (v->dtype == FMP_F32)
    ((float *)v->data)[i] = (float)value;
  else
    ((double *)v->data)[i] = value;
}

/* What all stretches of a loop share. */
typedef struct swish_job {
  const fmp_view *in, *out;
  double beta;
} swish_job;

/* A stretch of the loop over all elements; several run at once. */
static fmp_status swish_range(const fmp_range *r)
{
  const swish_job *job = r->arg;
  const fmp_view *x = &job->in[0], *y = &job->out[0];
  for (int64_t i = r->begin; i < r->end; i++) store(y, i, swish_at(load(x, i), job->beta));
  return FMP_OK;
}

static fmp_status swish_back_range(const fmp_range *r)
{
  const swish_job *job = r->arg;
  const fmp_view *dy = &job->in[0], *x = &job->in[1], *dx = &job->out[0];
  for (int64_t i = r->begin; i < r->end; i++)
    store(dx, i, swish_back_at(load(dy, i), load(x, i), job->beta));
  return FMP_OK;
}

static fmp_status in_parallel(const fmp_call *call, fmp_range_fn range)
{
  const swish_params *p = call->params;
  swish_job job = {call->in, call->out, p->beta};
  return call->host->parallel_for(call, fmp_view_size(&call->in[0]), GRAIN, range, &job);
}

static fmp_status swish_run(const fmp_call *call) { return in_parallel(call, swish_range); }

static fmp_status swish_back_run(const fmp_call *call)
{
  return in_parallel(call, swish_back_range);
}

/* -- definitions ----------------------------------------------------------- */

static const fmp_op_def ops[] = {
    {.struct_size = sizeof(fmp_op_def),
     .name = "swish",
     .schema = "(x) -> (y)",
     .doc = "x sigmoid(beta x), elementwise\n"
            "y = x / (1 + exp(-beta x)); x of any shape, f32 or f64.",
     .version = 1,
     FMP_PARAMS(swish_params, attributes),
     .infer = swish_infer,
     .gradient = swish_gradient,
     .gradient_ops = "swish_back"},
    {.struct_size = sizeof(fmp_op_def),
     .name = "swish_back",
     .schema = "(dy, x) -> (dx)",
     .doc = "gradient of swish",
     .version = 1,
     FMP_PARAMS(swish_params, attributes),
     .infer = swish_back_infer},
};

/* dx may take the place of dy or x: element i is read before it is written. */
static const fmp_inplace inplace[] = {{0, 0}, {1, 0}};

static const fmp_kernel_def kernels[] = {
    {.struct_size = sizeof(fmp_kernel_def),
     .op = "swish",
     .backend = "cpu",
     .name = "ref",
     .dtypes = FLOATS,
     .inplace = inplace,
     .n_inplace = 1,
     .inplace_size = sizeof(fmp_inplace),
     .run = swish_run},
    {.struct_size = sizeof(fmp_kernel_def),
     .op = "swish_back",
     .backend = "cpu",
     .name = "ref",
     .dtypes = FLOATS,
     .inplace = inplace,
     .n_inplace = 2,
     .inplace_size = sizeof(fmp_inplace),
     .run = swish_back_run},
};

static fmp_status load_plugin(const fmp_host *h, fmp_registry *r)
{
  FMP_TRY(FMP_ADD_OPS(h, r, ops));
  return FMP_ADD_KERNELS(h, r, kernels);
}

FMP_PLUGIN("swish", "1.0", "x sigmoid(beta x)", load_plugin);
