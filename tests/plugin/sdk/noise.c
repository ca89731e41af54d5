/* SPDX-License-Identifier: Apache-2.0
 * sdk_noise: uniform draws of another tensor's shape, a pure function of the op's key; and a
 * rewrite whose chain begins with it, and which must not change what is drawn. */
#include "sdk.h"
#include "fmp/kit/philox.h"

static fmp_status infer(const fmp_infer_args *args)
{
  FMP_TRY(infer_like_x(args));
  args->out[0].dtype = FMP_F64;
  return FMP_OK;
}

/* y[i] in [0, 1): block i of the op's stream of numbers. */
static fmp_status run(const fmp_call *call)
{
  const fmp_rng *rng = call->rng;
  const fmp_philox_key key = fmp_philox_key_of(rng->seed, rng->node);
  const int64_t n = fmp_view_size(&call->out[0]);
  double *y = call->out[0].data;
  for (int64_t i = 0; i < n; i++) {
    uint32_t bits[4];
    fmp_philox(key, *rng->step, (uint32_t)(i >> 32), (uint32_t)i, bits);
    y[i] = fmp_uniform_f64(bits[0], bits[1]);
  }
  return FMP_OK;
}

/* 4 noise(x) = 2 (2 noise(x)), with the noise emitted again. */
static fmp_status emit_doubled_noise(const fmp_rewrite_args *args)
{
  const fmp_host *h = args->host;
  fmp_builder *b = args->builder;
  const fmp_value x = h->node_in(b, 0, 0), y = h->emit_node(b, 0, &x, 1);
  const fmp_value twice = h->emit(b, "sdk_double", NULL, 0, &y, 1);
  h->replace(b, 0, h->emit(b, "sdk_double", NULL, 0, &twice, 1));
  return FMP_OK;
}

fmp_status noise_register(const fmp_host *h, fmp_registry *r)
{
  static const fmp_op_def op = {.struct_size = sizeof op,
                                .name = "sdk_noise",
                                .schema = "(x~) -> (y)",
                                .doc = "Uniform draws in [0, 1), f64, of x's shape.",
                                .version = 1,
                                .flags = FMP_OP_RANDOM,
                                .infer = infer};
  static const fmp_kernel_def kernel = {.struct_size = sizeof kernel,
                                        .op = "sdk_noise",
                                        .backend = "cpu",
                                        .name = "ref",
                                        .dtypes = FMP_ANY_DTYPE,
                                        .run = run};
  static const fmp_rewrite_def rewrite = {.struct_size = sizeof rewrite,
                                          .name = "sdk_noise_then_quadruple",
                                          .chain = "sdk_noise sdk_quadruple",
                                          .phase = FMP_REWRITE_AFTER_GRADIENTS,
                                          .emit = emit_doubled_noise};
  FMP_TRY(h->add_op(r, &op));
  FMP_TRY(h->add_kernel(r, &kernel));
  return h->add_rewrite(r, &rewrite);
}
