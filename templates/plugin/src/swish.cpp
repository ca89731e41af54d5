// SPDX-License-Identifier: Apache-2.0
//
// swish: y = x s(beta x), where s(z) = 1 / (1 + exp(-z)).
// Its derivative is dy/dx = s + beta x s (1 - s), with s = s(beta x).
//
// No exception may leave a function that the engine calls.
#include <cmath>

#include "fmp/kit/attr.h"
#include "fmp/kit/check.h"
#include "fmp/plugin.h"

namespace
{

constexpr uint32_t floats = FMP_BIT(FMP_F32) | FMP_BIT(FMP_F64);
constexpr int64_t grain = 16384; // elements that are worth a thread of their own

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
fmp_status infer_swish(const fmp_host *h, const void *, const fmp_spec *in, uint32_t, fmp_spec *out,
                       uint32_t)
{
  FMP_TRY(fmp_check_dtype(h, "x", &in[0], floats, "f32 or f64"));
  out[0] = in[0];
  return FMP_OK;
}

// swish_back (dy, x) -> (dx): all of one shape and type.
fmp_status infer_back(const fmp_host *h, const void *params, const fmp_spec *in, uint32_t n_in,
                      fmp_spec *out, uint32_t n_out)
{
  FMP_REQUIRE(h, in[0].dtype == in[1].dtype, FMP_EDTYPE, "expected dy and x of one type");
  FMP_TRY(fmp_check_same_shape(h, "x", &in[1], "dy", &in[0]));
  return infer_swish(h, params, in, n_in, out, n_out);
}

// -- gradient -------------------------------------------------------------------

// A gradient is emitted as further ops: here one call of swish_back.
fmp_status gradient(const fmp_host *h, fmp_builder *b, const void *params)
{
  const fmp_attr attrs[] = {fmp_attr_f64("beta", static_cast<const Params *>(params)->beta)};
  const fmp_value in[] = {h->grad_dout(b, 0), h->grad_in(b, 0)};
  if (h->grad_wants(b, 0)) h->grad_set(b, 0, h->emit(b, "swish_back", attrs, 1, in, 2));
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

// A stretch [begin, end) of the loop over all elements; several run at once.
template <typename Element, typename T> fmp_status loop(void *arg, int64_t begin, int64_t end)
{
  const auto *call = static_cast<const fmp_call *>(arg);
  const T beta = static_cast<T>(static_cast<const Params *>(call->params)->beta);
  const T *in[2] = {};
  for (uint32_t k = 0; k < call->n_in; k++) in[k] = static_cast<const T *>(call->in[k].data);
  T *out = static_cast<T *>(call->out[0].data);
  for (int64_t i = begin; i < end; i++) out[i] = Element::template at<T>(in, i, beta);
  return FMP_OK;
}

template <typename Element> fmp_status run(const fmp_call *call)
{
  fmp_call copy = *call; // parallel_for wants its argument writable
  const fmp_range_fn body =
      call->in[0].dtype == FMP_F32 ? loop<Element, float> : loop<Element, double>;
  return call->host->parallel_for(call, fmp_view_size(&call->in[0]), grain, body, &copy);
}

// -- definitions ----------------------------------------------------------------

fmp_op_def op(const char *name, const char *schema, const char *doc)
{
  fmp_op_def def = {};
  def.struct_size = sizeof def;
  def.name = name;
  def.schema = schema;
  def.doc = doc;
  def.version = 1;
  def.attrs = attributes;
  def.n_attr = 1;
  def.attr_size = sizeof(fmp_attr_def);
  def.params_size = sizeof(Params);
  return def;
}

fmp_status add_swish(const fmp_host *h, fmp_registry *r)
{
  fmp_op_def def = op("swish", "(x) -> (y)",
                      "x sigmoid(beta x), elementwise\n"
                      "y = x / (1 + exp(-beta x)); x of any shape, f32 or f64.");
  def.infer = infer_swish;
  def.gradient = gradient;
  def.gradient_ops = "swish_back";
  return h->add_op(r, &def);
}

fmp_status add_back(const fmp_host *h, fmp_registry *r)
{
  fmp_op_def def = op("swish_back", "(dy, x) -> (dx)", "gradient of swish");
  def.infer = infer_back;
  return h->add_op(r, &def);
}

// An output may take the place of any input: element i is read before it is written.
const fmp_inplace inplace[] = {{0, 0}, {1, 0}};

fmp_status add_kernel(const fmp_host *h, fmp_registry *r, const char *name, uint32_t n_inplace,
                      fmp_status (*function)(const fmp_call *))
{
  fmp_kernel_def def = {};
  def.struct_size = sizeof def;
  def.op = name;
  def.backend = "cpu";
  def.name = "ref";
  def.dtypes = floats;
  def.n_inplace = n_inplace;
  def.inplace = inplace;
  def.run = function;
  return h->add_kernel(r, &def);
}

fmp_status load_plugin(const fmp_host *h, fmp_registry *r)
{
  FMP_TRY(add_swish(h, r));
  FMP_TRY(add_back(h, r));
  FMP_TRY(add_kernel(h, r, "swish", 1, run<Forward>));
  return add_kernel(h, r, "swish_back", 2, run<Backward>);
}

} // namespace

FMP_PLUGIN("swish", "1.0", "x sigmoid(beta x)", load_plugin);
