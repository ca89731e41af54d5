// SPDX-License-Identifier: Apache-2.0
// sdk_hypot: y = sqrt(a^2 + b^2), a plugin of its own in C++17. No exception leaves run().
#include "fmp/kit/check.h"
#include "fmp/plugin.h"

#include <cmath>

namespace
{

fmp_status infer(const fmp_infer_args *args)
{
  const uint64_t floats = FMP_BIT(FMP_F32) | FMP_BIT(FMP_F64);
  const fmp_spec &a = args->in[0], &b = args->in[1];
  FMP_TRY(fmp_check_dtype(args->host, "a", &a, floats, "f32 or f64"));
  FMP_TRY(fmp_check_same_spec(args->host, "a", &a, "b", &b));
  args->out[0] = a;
  return FMP_OK;
}

template <typename T> fmp_status run(const fmp_call *call)
{
  const int64_t n = fmp_view_size(&call->out[0]);
  const T *a = static_cast<const T *>(call->in[0].data);
  const T *b = static_cast<const T *>(call->in[1].data);
  T *y = static_cast<T *>(call->out[0].data);
  for (int64_t i = 0; i < n; i++) y[i] = std::hypot(a[i], b[i]);
  return FMP_OK;
}

fmp_kernel_def kernel_for(uint64_t dtypes, fmp_status (*function)(const fmp_call *))
{
  fmp_kernel_def def{};
  def.struct_size = sizeof def;
  def.op = "sdk_hypot";
  def.backend = "cpu";
  def.name = "ref";
  def.dtypes = dtypes;
  def.run = function;
  return def;
}

fmp_status load(const fmp_host *h, fmp_registry *r)
{
  fmp_op_def op{};
  op.struct_size = sizeof op;
  op.name = "sdk_hypot";
  op.schema = "(a, b) -> (y)";
  op.doc = "Length of (a, b): y = sqrt(a^2 + b^2).";
  op.version = 1;
  op.infer = infer;
  const fmp_kernel_def f32 = kernel_for(FMP_BIT(FMP_F32), run<float>);
  const fmp_kernel_def f64 = kernel_for(FMP_BIT(FMP_F64), run<double>);
  FMP_TRY(h->add_op(r, &op));
  FMP_TRY(h->add_kernel(r, &f32));
  return h->add_kernel(r, &f64);
}

} // namespace

FMP_PLUGIN("sdkcxx", "1.0", "an op in C++", load);
