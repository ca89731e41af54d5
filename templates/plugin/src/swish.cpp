// SPDX-License-Identifier: Apache-2.0
//
// swish: y = x s(beta x), where s(z) = 1 / (1 + exp(-z)).
// Its derivative is dy/dx = s + beta x s (1 - s), with s = s(beta x).
//
// No exception may leave a function that the engine calls.
#include <cmath>

#include "fmp/kit/attr.h"
#include "fmp/kit/check.h"
#include "fmp/kit/register.h"
#include "fmp/plugin.h"

namespace
{

constexpr uint64_t floats = FMP_BIT(FMP_F32) | FMP_BIT(FMP_F64);
constexpr int64_t grain = 16384; // how many elements are worth a thread of their own

// -- attributes -----------------------------------------------------------------

struct Params {
  double beta;
};

// From this table come checks, defaults, Lua arguments and help.
const fmp_attr_def attributes[] = {
    FMP_ATTR(Params, beta, FMP_ATTR_F64, "1", nullptr, "steepness of the sigmoid"),
};

// -- shapes ---------------------------------------------------------------------

// swish (x) -> (y): y is like x.
fmp_status infer_swish(const fmp_infer_args *args)
{
  const fmp_spec &x = args->in[0];
  FMP_TRY(fmp_check_dtype(args->host, "x", &x, floats, "f32 or f64"));
  args->out[0] = x;
  return FMP_OK;
}

// swish_back (dy, x) -> (dx): all of one shape and type.
fmp_status infer_back(const fmp_infer_args *args)
{
  const fmp_spec &dy = args->in[0], &x = args->in[1];
  FMP_TRY(fmp_check_dtype(args->host, "x", &x, floats, "f32 or f64"));
  FMP_TRY(fmp_check_same_spec(args->host, "x", &x, "dy", &dy));
  args->out[0] = x;
  return FMP_OK;
}

// -- gradient -------------------------------------------------------------------

// A gradient is emitted as further ops: here one call of swish_back. An op of several inputs sets
// one for each that grad_wants names.
fmp_status gradient(const fmp_gradient_args *args)
{
  const fmp_host *h = args->host;
  fmp_builder *b = args->builder;
  const fmp_attr attrs[] = {fmp_attr_f64("beta", static_cast<const Params *>(args->params)->beta)};
  const fmp_value in[] = {h->grad_dout(b, 0), h->grad_in(b, 0)};
  h->grad_set(b, 0, h->emit(b, "swish_back", attrs, 1, in, 2));
  return FMP_OK;
}

// -- one element ----------------------------------------------------------------

template <typename T> T sigmoid(T z) { return 1 / (1 + std::exp(-z)); }

struct Forward {
  template <typename T> static T at(const T *const *in, int64_t i, T beta)
  {
    return in[0][i] * sigmoid(beta * in[0][i]);
  }
};

struct Backward {
  template <typename T> static T at(const T *const *in, int64_t i, T beta)
  {
    const T dy = in[0][i], x = in[1][i], s = sigmoid(beta * x);
    return dy * (s + beta * x * s * (1 - s));
  }
};

// -- kernels --------------------------------------------------------------------

// What all stretches of a loop share.
template <typename T> struct Job {
  const T *in[2];
  T *out, beta;
};

// A stretch of the loop over all elements; several run at once.
template <typename Element, typename T> fmp_status loop(const fmp_range *r)
{
  const auto *job = static_cast<const Job<T> *>(r->arg);
  for (int64_t i = r->begin; i < r->end; i++) job->out[i] = Element::at(job->in, i, job->beta);
  return FMP_OK;
}

template <typename Element, typename T> fmp_status run_in(const fmp_call *call)
{
  Job<T> job = {};
  for (uint32_t k = 0; k < call->n_in; k++) job.in[k] = static_cast<const T *>(call->in[k].data);
  job.out = static_cast<T *>(call->out[0].data);
  job.beta = static_cast<T>(static_cast<const Params *>(call->params)->beta);
  const int64_t n = fmp_view_size(&call->in[0]);
  return call->host->parallel_for(call, n, grain, loop<Element, T>, &job);
}

template <typename Element> fmp_status run(const fmp_call *call)
{
  const bool is_f32 = call->in[0].dtype == FMP_F32;
  return is_f32 ? run_in<Element, float>(call) : run_in<Element, double>(call);
}

// -- definitions ----------------------------------------------------------------

fmp_op_def op(const char *name, const char *schema, const char *doc,
              fmp_status (*infer)(const fmp_infer_args *))
{
  fmp_op_def def = {};
  def.struct_size = sizeof def;
  def.name = name;
  def.schema = schema;
  def.doc = doc;
  def.version = 1;
  def.attrs = attributes;
  def.n_attr = FMP_ROWS(attributes);
  def.attr_size = sizeof(fmp_attr_def);
  def.params_size = sizeof(Params);
  def.infer = infer;
  return def;
}

fmp_op_def swish()
{
  fmp_op_def def = op("swish", "(x) -> (y)",
                      "x sigmoid(beta x), elementwise\n"
                      "y = x / (1 + exp(-beta x)); x of any shape, f32 or f64.",
                      infer_swish);
  def.gradient = gradient;
  def.gradient_ops = "swish_back";
  return def;
}

// An output may take the place of any input: element i is read before it is written.
const fmp_inplace inplace[] = {{0, 0}, {1, 0}};

fmp_kernel_def kernel(const char *name, uint32_t n_inplace,
                      fmp_status (*function)(const fmp_call *))
{
  fmp_kernel_def def = {};
  def.struct_size = sizeof def;
  def.op = name;
  def.backend = "cpu";
  def.name = "ref";
  def.dtypes = floats;
  def.inplace = inplace;
  def.n_inplace = n_inplace;
  def.inplace_size = sizeof(fmp_inplace);
  def.run = function;
  return def;
}

fmp_status load_plugin(const fmp_host *h, fmp_registry *r)
{
  const fmp_op_def ops[] = {swish(),
                            op("swish_back", "(dy, x) -> (dx)", "gradient of swish", infer_back)};
  const fmp_kernel_def kernels[] = {kernel("swish", 1, run<Forward>),
                                    kernel("swish_back", 2, run<Backward>)};
  FMP_TRY(FMP_ADD_OPS(h, r, ops));
  return FMP_ADD_KERNELS(h, r, kernels);
}

} // namespace

FMP_PLUGIN("swish", "1.0", "x sigmoid(beta x)", load_plugin);
