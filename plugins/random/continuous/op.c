/* SPDX-License-Identifier: Apache-2.0
 *
 * uniform, normal, truncated_normal: independent draws. Number i is a function of the
 * op's key, the step and i alone (see draw.h), whatever the device and its threads. */
#include <math.h>
#include "continuous.h"

/* -- shape inference -------------------------------------------------------- */

/* The shape is like's or the attribute's, never both. */
static fmp_status take_shape(const fmp_host *h, const continuous_params *p, const fmp_spec *like,
                             fmp_spec *out)
{
  FMP_REQUIRE(h, like == NULL || p->shape.count == 0, FMP_EINVAL,
              "expected a tensor like which to draw or a shape, got both");
  FMP_REQUIRE(h, p->shape.count <= FMP_MAX_RANK, FMP_ESHAPE,
              "expected a shape of at most %d dimensions, got %lld", (int)FMP_MAX_RANK,
              (long long)p->shape.count);
  if (like != NULL) {
    *out = *like;
    return FMP_OK;
  }
  out->dtype = FMP_F32;
  out->rank = (uint32_t)p->shape.count;
  for (uint32_t i = 0; i < out->rank; i++) out->shape[i] = ((const int64_t *)p->shape.items)[i];
  return FMP_OK;
}

/* Numbers that the type rounds to infinity; what it rounds to 0 is drawn so. */
static fmp_status check_number(const fmp_host *h, const char *name, uint32_t dtype, double value)
{
  return fabs(value) < 1 ? FMP_OK : fmp_check_holds(h, name, dtype, value);
}

static fmp_status draw_infer(const fmp_host *h, const continuous_params *p,
                             const char *const names[2], const fmp_spec *in, uint32_t n_in,
                             fmp_spec *out)
{
  const fmp_spec *like = n_in > 0 && fmp_spec_present(&in[0]) ? &in[0] : NULL;
  FMP_TRY(take_shape(h, p, like, out));
  FMP_REQUIRE(h, p->dtype.count <= 1, FMP_EINVAL, "expected at most one dtype, got %lld",
              (long long)p->dtype.count);
  if (p->dtype.count == 1) out->dtype = ((const uint32_t *)p->dtype.items)[0];
  FMP_TRY(fmp_check_dtype(h, "draws", out, FMP_FLOATS, "f32, f64 or bf16"));
  FMP_TRY(check_number(h, names[0], out->dtype, p->a));
  return check_number(h, names[1], out->dtype, p->b);
}

static fmp_status uniform_infer(const fmp_host *h, const void *params, const fmp_spec *in,
                                uint32_t n_in, fmp_spec *out, uint32_t n_out)
{
  static const char *const names[2] = {"low", "high"};
  const continuous_params *p = params;
  (void)n_out;
  FMP_REQUIRE(h, p->a <= p->b && isfinite(p->b - p->a), FMP_EINVAL,
              "expected low <= high and a finite high - low, got %g and %g", p->a, p->b);
  return draw_infer(h, p, names, in, n_in, out);
}

static fmp_status normal_infer(const fmp_host *h, const void *params, const fmp_spec *in,
                               uint32_t n_in, fmp_spec *out, uint32_t n_out)
{
  static const char *const names[2] = {"mean", "stddev"};
  (void)n_out;
  return draw_infer(h, params, names, in, n_in, out);
}

/* Draws depend on no input's value: none gets a gradient, and none is refused. */
static fmp_status no_gradient(const fmp_host *h, fmp_builder *b, const void *params)
{
  (void)h, (void)b, (void)params;
  return FMP_OK;
}

/* -- definitions ------------------------------------------------------------- */

#define COMMON_ATTRS                                                               \
  FMP_ATTR(continuous_params, shape, FMP_ATTR_I64S, "[]", "[0,)",                  \
           "sizes, where no tensor like which to draw is given; [] for a number"), \
      FMP_ATTR(continuous_params, dtype, FMP_ATTR_DTYPES, "[]", NULL,              \
               "f32, f64 or bf16; not given: like's, or f32")

#define NUMBER_ATTR(name, field, fallback, allowed, doc)                                     \
  {                                                                                          \
    name, FMP_ATTR_F64, (uint32_t)offsetof(continuous_params, field), fallback, allowed, doc \
  }

static const fmp_attr_def uniform_attrs[] = {
    COMMON_ATTRS,
    NUMBER_ATTR("low", a, "0", "(-inf,inf)", "the least number"),
    NUMBER_ATTR("high", b, "1", "(-inf,inf)", "above all numbers"),
};

static const fmp_attr_def normal_attrs[] = {
    COMMON_ATTRS,
    NUMBER_ATTR("mean", a, "0", "(-inf,inf)", "the mean"),
    NUMBER_ATTR("stddev", b, "1", "[0,inf)", "the standard deviation, before any are left out"),
};

#define DRAW_OP(op_name, op_attrs, op_infer, op_doc)                                     \
  {                                                                                      \
    .struct_size = sizeof(fmp_op_def), .name = op_name, .schema = "(like?~) -> (y)",     \
    .doc = op_doc, .version = 1, .flags = FMP_OP_RANDOM, .attrs = op_attrs, .n_attr = 4, \
    .attr_size = sizeof(fmp_attr_def), .params_size = sizeof(continuous_params),         \
    .infer = op_infer, .gradient = no_gradient, .gradient_ops = ""                       \
  }

static const fmp_op_def defs[] = {
    DRAW_OP("uniform", uniform_attrs, uniform_infer,
            "Uniform random numbers in [low, high).\n"
            "low + (high - low) u, u of 24 bits (f64: 53); never high, but where low = high."),
    DRAW_OP("normal", normal_attrs, normal_infer,
            "Normal random numbers.\n"
            "mean + stddev z, z by Box and Muller's formula from numbers of 32 bits (f64: 53)."),
    DRAW_OP("truncated_normal", normal_attrs, normal_infer,
            "Normal random numbers within two standard deviations of the mean.\n"
            "mean + stddev z, |z| <= 2; the standard deviation of z is about 0.88."),
};

fmp_status continuous_register(const fmp_host *h, fmp_registry *r);
fmp_status continuous_register(const fmp_host *h, fmp_registry *r)
{
  for (size_t i = 0; i < sizeof defs / sizeof defs[0]; i++) FMP_TRY(h->add_op(r, &defs[i]));
  return continuous_add_ref(h, r);
}
