/* SPDX-License-Identifier: Apache-2.0
 *
 * Reference kernels of the activations: one loop per op and type, made from a table of
 * expressions. bf16 is computed in f32 and rounded once.
 */
#include "expressions.h"

#define LOOPS(LOOP, op, expression)                        \
  LOOP(op##_f32, float, float, AS_IS, AS_IS, expression)   \
  LOOP(op##_f64, double, double, AS_IS, AS_IS, expression) \
  LOOP(op##_bf16, uint16_t, float, fmp_bf16_to_f32, fmp_bf16_of_f32, expression)

#define FORWARD(op, y) LOOPS(FORWARD_LOOP, op, y)
#define BACK(op, dx)   LOOPS(BACK_LOOP, op, dx)

RECTIFIERS(FORWARD, BACK)
SIGMOIDS(FORWARD, BACK)

#define BY_TYPE(op)                                                    \
  {                                                                    \
    [FMP_F32] = op##_f32, [FMP_F64] = op##_f64, [FMP_BF16] = op##_bf16 \
  }

#define SIGMOID_ROW(act, pairs) ROW("ref", 0, FMP_FLOATS, #act, pairs, .by_type = BY_TYPE(act))

const fmp_kernel_def activation_ref[ACTIVATIONS] = {
    RECTIFIER_ROWS("ref", 0, FMP_FLOATS, BY_TYPE),
    SIGMOID_ROW(sigmoid, 1),
    SIGMOID_ROW(sigmoid_back, 2),
    SIGMOID_ROW(tanh, 1),
    SIGMOID_ROW(tanh_back, 2),
};
