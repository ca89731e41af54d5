/* SPDX-License-Identifier: Apache-2.0
 *
 * swish: y = x s(beta x), where s(z) = 1 / (1 + exp(-z)).
 * Its derivative is dy/dx = s + beta x s (1 - s), with s = s(beta x). */
#include <math.h>

#include "fmp/kit/attr.h"
#include "fmp/kit/check.h"
#include "fmp/plugin.h"

enum { FLOATS = FMP_BIT(FMP_F32) | FMP_BIT(FMP_F64) };

/* Elements that are worth a thread of their own. */
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
static fmp_status swish_infer(const fmp_host *h, const void *params, const fmp_spec *in,
                              uint32_t n_in, fmp_spec *out, uint32_t n_out)
{
  (void)params, (void)n_in, (void)n_out;
  FMP_TRY(fmp_check_dtype(h, "x", &in[0], FLOATS, "f32 or f64"));
  out[0] = in[0];
  return FMP_OK;
}

/* swish_back (dy, x) -> (dx): all of one shape and type. */
static fmp_status swish_back_infer(const fmp_host *h, const void *params, const fmp_spec *in,
                                   uint32_t n_in, fmp_spec *out, uint32_t n_out)
{
  FMP_REQUIRE(h, in[0].dtype == in[1].dtype, FMP_EDTYPE, "expected dy and x of one type");
  FMP_TRY(fmp_check_same_shape(h, "x", &in[1], "dy", &in[0]));
  return swish_infer(h, params, in, n_in, out, n_out);
}

/* -- gradient -------------------------------------------------------------- */

/* A gradient is emitted as further ops: here one call of swish_back. */
static fmp_status swish_gradient(const fmp_host *h, fmp_builder *b, const void *params)
{
  const swish_params *p = params;
  const fmp_attr attrs[] = {fmp_attr_f64("beta", p->beta)};
  const fmp_value in[] = {h->grad_dout(b, 0), h->grad_in(b, 0)};
  if (h->grad_wants(b, 0)) h->grad_set(b, 0, h->emit(b, "swish_back", attrs, 1, in, 2));
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

/* A stretch [begin, end) of the loop over all elements; several run at once. */
static fmp_status swish_range(void *arg, int64_t begin, int64_t end)
{
  const fmp_call *call = arg;
  const swish_params *p = call->params;
  for (int64_t i = begin; i < end; i++)
    store(&call->out[0], i, swish_at(load(&call->in[0], i), p->beta));
  return FMP_OK;
}

static fmp_status swish_back_range(void *arg, int64_t begin, int64_t end)
{
  const fmp_call *call = arg;
  const swish_params *p = call->params;
  const fmp_view *dy = &call->in[0], *x = &call->in[1], *dx = &call->out[0];
  for (int64_t i = begin; i < end; i++)
    store(dx, i, swish_back_at(load(dy, i), load(x, i), p->beta));
  return FMP_OK;
}

static fmp_status in_parallel(const fmp_call *call, fmp_range_fn range)
{
  fmp_call copy = *call; /* parallel_for wants its argument writable */
  return call->host->parallel_for(call, fmp_view_size(&call->in[0]), GRAIN, range, &copy);
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
     .attrs = attributes,
     .n_attr = 1,
     .attr_size = sizeof(fmp_attr_def),
     .params_size = sizeof(swish_params),
     .infer = swish_infer,
     .gradient = swish_gradient,
     .gradient_ops = "swish_back"},
    {.struct_size = sizeof(fmp_op_def),
     .name = "swish_back",
     .schema = "(dy, x) -> (dx)",
     .doc = "gradient of swish",
     .version = 1,
     .attrs = attributes,
     .n_attr = 1,
     .attr_size = sizeof(fmp_attr_def),
     .params_size = sizeof(swish_params),
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
     .n_inplace = 1,
     .inplace = inplace,
     .run = swish_run},
    {.struct_size = sizeof(fmp_kernel_def),
     .op = "swish_back",
     .backend = "cpu",
     .name = "ref",
     .dtypes = FLOATS,
     .n_inplace = 2,
     .inplace = inplace,
     .run = swish_back_run},
};

static fmp_status load_plugin(const fmp_host *h, fmp_registry *r)
{
  for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) FMP_TRY(h->add_op(r, &ops[i]));
  for (size_t i = 0; i < sizeof kernels / sizeof kernels[0]; i++)
    FMP_TRY(h->add_kernel(r, &kernels[i]));
  return FMP_OK;
}

FMP_PLUGIN("swish", "1.0", "x sigmoid(beta x)", load_plugin);
