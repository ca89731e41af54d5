/* SPDX-License-Identifier: Apache-2.0
 *
 * Reference kernels of the activations: one loop per op and type, made from a table of
 * expressions. bf16 is computed in f32 and rounded once.
 */
#include "expressions.h"

#define KERNEL(LOOP, op, at_zero, slope, expression)                             \
  LOOP(op##_f32, float, float, AS_IS, AS_IS, expression)                         \
  LOOP(op##_f64, double, double, AS_IS, AS_IS, expression)                       \
  LOOP(op##_bf16, uint16_t, float, fmp_bf16_to_f32, fmp_bf16_of_f32, expression) \
  static const fmp_range_fn op##_loops[FMP_DTYPE_COUNT] = {                      \
      [FMP_F32] = op##_f32, [FMP_F64] = op##_f64, [FMP_BF16] = op##_bf16};       \
  static fmp_status op##_run(const fmp_call *call)                               \
  {                                                                              \
    const fmp_range_fn *const loops[] = {at_zero##_loops, op##_loops};           \
    return run_loop(call, loops[(slope) > 0][call->in[0].dtype], slope);         \
  }

#define FORWARD(op, at_zero, slope, y) KERNEL(FORWARD_LOOP, op, at_zero, slope, y)
#define BACK(op, at_zero, slope, dx)   KERNEL(BACK_LOOP, op, at_zero, slope, dx)

RECTIFIERS(FORWARD, BACK)
SIGMOIDS(FORWARD, BACK)

/* -- registration ---------------------------------------------------------- */

#define ROW(act, pairs) KERNEL_ROW("ref", 0, FMP_FLOATS, act, pairs, act##_run)

static const fmp_kernel_def kernels[] = {
    ROW(relu, 1),    ROW(relu_back, 2),    ROW(leaky_relu, 1), ROW(leaky_relu_back, 2),
    ROW(sigmoid, 1), ROW(sigmoid_back, 2), ROW(tanh, 1),       ROW(tanh_back, 2),
};

fmp_status activation_register_cpu_ref(const fmp_host *h, fmp_registry *r)
{
  for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++)
    FMP_TRY(h->add_kernel(r, &kernels[i]));
  return FMP_OK;
}
