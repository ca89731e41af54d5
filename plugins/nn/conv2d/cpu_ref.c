/* SPDX-License-Identifier: Apache-2.0
 *
 * Reference kernels of the three ops: plain loops for f32, f64 and bf16 whose sums are double,
 * rounded once. One thread sums each output element, in a fixed order, so the bits do not depend
 * on the number of threads.
 */
#include "conv.h"

#include "fmp/kit/half.h"
#include "fmp/kit/register.h"

struct job {
  struct conv c;
  const void *b;
  double slope;
  void *operand[CONV_OPERANDS];
};

/* -- indices --------------------------------------------------------------- */

static int64_t x_at(const struct conv *c, int64_t n, int64_t i, int64_t j)
{
  return ((n * c->window.y.in + i) * c->window.x.in + j) * c->ic;
}

static int64_t w_at(const struct conv *c, int64_t o, int64_t k, int64_t l)
{
  return ((o * c->window.y.size + k) * c->window.x.size + l) * c->group_ic;
}

static int64_t y_at(const struct conv *c, int64_t n, int64_t i, int64_t j)
{
  return ((n * c->window.y.out + i) * c->window.x.out + j) * c->oc;
}

/* The output whose tap k lies on input i, or -1. */
static int64_t output_of(const struct window_axis *a, int64_t i, int64_t k)
{
  const int64_t origin = i + a->before - k * a->dilation;
  if (origin < 0 || origin % a->stride != 0) return -1;
  return origin / a->stride < a->out ? origin / a->stride : -1;
}

/* -- one loop for each type ------------------------------------------------ */

static double bf16_as_double(uint16_t x) { return (double)fmp_bf16_to_f32(x); }

#define LOAD(x)    ((double)(x))
#define IN         float
#define WIDE       float
#define OUT        float
#define STORE(x)   ((float)(x))
#define NAME(stem) stem##_f32
#include "loops.inc"
#undef IN
#undef WIDE
#undef OUT
#undef STORE
#undef NAME

#define IN         double
#define WIDE       double
#define OUT        double
#define STORE(x)   (x)
#define NAME(stem) stem##_f64
#include "loops.inc"
#undef LOAD
#undef IN
#undef OUT
#undef STORE
#undef NAME

#define LOAD       bf16_as_double
#define IN         uint16_t
#define OUT        uint16_t
#define STORE      fmp_bf16_of_f64
#define NAME(stem) stem##_bf16
#include "loops.inc"
#undef OUT
#undef STORE
#undef NAME

#define OUT        float
#define STORE(x)   ((float)(x))
#define NAME(stem) stem##_bf16_to_f32
#include "loops.inc"

/* -- kernels --------------------------------------------------------------- */

/* By the type that is read; for bf16 the type that is written counts too. */
#define BODIES(stem)                                                         \
  {                                                                          \
    [FMP_F32] = stem##_f32, [FMP_F64] = stem##_f64, [FMP_BF16] = stem##_bf16 \
  }

static const fmp_range_fn bodies[CONV_DIRECTIONS][FMP_DTYPE_COUNT] = {
    [CONV_FORWARD] = BODIES(forward_rows),
    [CONV_BACK_DATA] = BODIES(back_data_rows),
    [CONV_BACK_WEIGHTS] = BODIES(back_weights),
};

static const fmp_range_fn widening[CONV_DIRECTIONS] = {
    [CONV_FORWARD] = forward_rows_bf16_to_f32,
    [CONV_BACK_DATA] = back_data_rows_bf16_to_f32,
    [CONV_BACK_WEIGHTS] = back_weights_bf16_to_f32,
};

static fmp_range_fn body_for(int direction, uint32_t read, uint32_t written)
{
  if (read == FMP_BF16 && written == FMP_F32) return widening[direction];
  return bodies[direction][read];
}

/* What the threads share out: rows of all images, or filters. */
static int64_t pieces(const struct conv *c, int direction)
{
  if (direction == CONV_BACK_WEIGHTS) return c->oc;
  return c->n * (direction == CONV_FORWARD ? c->window.y.out : c->window.y.in);
}

/* Multiplications in one of them, including those that padding and strides skip. */
static double operations(const struct conv *c, int direction)
{
  const double taps = (double)c->window.y.size * (double)c->window.x.size;
  const double out = (double)c->window.x.out;
  switch (direction) {
  case CONV_FORWARD: return taps * out * (double)c->oc * (double)c->group_ic;
  case CONV_BACK_DATA: return taps * (double)c->window.x.in * (double)c->ic * (double)c->group_oc;
  default: return taps * out * (double)c->window.y.out * (double)c->n * (double)c->group_ic;
  }
}

static fmp_status run(const fmp_call *call)
{
  const int direction = ((const struct conv_op *)call->data)->direction;
  const struct conv_params *params = call->params;
  struct job job = {.b = direction == CONV_FORWARD ? call->in[CONV_BIAS].data : NULL,
                    .slope = params->slope};
  for (int i = 0; i < CONV_OPERANDS; i++) job.operand[i] = conv_view(call, direction, i)->data;
  FMP_TRY(conv_make(call->host, params, conv_view(call, direction, CONV_X)->shape,
                    conv_view(call, direction, CONV_W)->shape, &job.c));
  const fmp_range_fn body = body_for(direction, call->in[0].dtype, call->out[0].dtype);
  const int64_t grain = window_grain(operations(&job.c, direction));
  return call->host->parallel_for(call, pieces(&job.c, direction), grain, body, &job);
}

#define KERNEL(op_name, which)                                                             \
  {                                                                                        \
    .struct_size = sizeof(fmp_kernel_def), .op = op_name, .backend = "cpu", .name = "ref", \
    .dtypes = FMP_FLOATS, .data = &conv_ops[which], .run = run                             \
  }

static const fmp_kernel_def kernels[] = {
    KERNEL("conv2d", CONV_FORWARD),
    KERNEL("conv2d_back_data", CONV_BACK_DATA),
    KERNEL("conv2d_back_weights", CONV_BACK_WEIGHTS),
};

fmp_status conv2d_register_ref(const fmp_host *h, fmp_registry *r)
{
  return FMP_ADD_KERNELS(h, r, kernels);
}
