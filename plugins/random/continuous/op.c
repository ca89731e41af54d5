/* SPDX-License-Identifier: Apache-2.0
 *
 * uniform, normal, truncated_normal: independent draws. Number i is a function of the
 * op's key, the step and i alone (see draw.h), whatever the device and its threads. */
#include <math.h>
#include "continuous.h"
#include "fmp/kit/register.h"

/* -- shape inference -------------------------------------------------------- */

/* The shape is like's or the attribute's, never both. */
static fmp_status take_shape(const fmp_host *h, const continuous_params *p, const fmp_spec *like,
                             fmp_spec *out)
{
  FMP_REQUIRE(h, like == NULL || p->shape.count == 0, FMP_EINVAL,
              "expected either a tensor like or a shape, got both");
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

/* Refuses numbers that the type rounds to infinity; one that it rounds to 0 is used as 0. */
static fmp_status check_number(const fmp_host *h, const char *name, uint32_t dtype, double value)
{
  return fabs(value) < 1 ? FMP_OK : fmp_check_holds(h, name, dtype, value);
}

/* An op's data. */
typedef struct distribution {
  const char *names[2]; /* of its numbers */
  int is_range;         /* they are its bounds */
} distribution;

static fmp_status check_range(const fmp_host *h, const continuous_params *p)
{
  FMP_REQUIRE(h, p->low <= p->high && isfinite(p->high - p->low), FMP_EINVAL,
              "expected low <= high and a finite high - low, got %g and %g", p->low, p->high);
  return FMP_OK;
}

static fmp_status infer(const fmp_infer_args *args)
{
  const fmp_host *h = args->host;
  const distribution *d = args->data;
  const continuous_params *p = args->params;
  const fmp_spec *like = args->n_in > 0 && fmp_spec_present(args->in) ? args->in : NULL;
  fmp_spec *y = args->out;
  if (d->is_range) FMP_TRY(check_range(h, p));
  FMP_TRY(take_shape(h, p, like, y));
  FMP_REQUIRE(h, p->dtype.count <= 1, FMP_EINVAL, "expected at most one dtype, got %lld",
              (long long)p->dtype.count);
  if (p->dtype.count == 1) y->dtype = ((const uint32_t *)p->dtype.items)[0];
  FMP_TRY(fmp_check_dtype(h, "draws", y, FMP_FLOATS, "f32, f64 or bf16"));
  FMP_TRY(check_number(h, d->names[0], y->dtype, p->low));
  return check_number(h, d->names[1], y->dtype, p->high);
}

/* Draws depend on no input's value: none gets a gradient, and asking for one is no error. */
static fmp_status no_gradient(const fmp_gradient_args *args)
{
  (void)args;
  return FMP_OK;
}

/* -- definitions ------------------------------------------------------------- */

#define COMMON_ATTRS                                                  \
  FMP_ATTR(continuous_params, shape, FMP_ATTR_I64S, "[]", "[0,)",     \
           "sizes, if like is not given; [] for a number"),           \
      FMP_ATTR(continuous_params, dtype, FMP_ATTR_DTYPES, "[]", NULL, \
               "f32, f64 or bf16; not given: like's, or f32")

static const fmp_attr_def uniform_attrs[] = {
    COMMON_ATTRS,
    FMP_ATTR(continuous_params, low, FMP_ATTR_F64, "0", "(-inf,inf)", "lower end of the range"),
    FMP_ATTR(continuous_params, high, FMP_ATTR_F64, "1", "(-inf,inf)", "upper end, not included"),
};

static const fmp_attr_def normal_attrs[] = {
    COMMON_ATTRS,
    FMP_ATTR(continuous_params, mean, FMP_ATTR_F64, "0", "(-inf,inf)", "the mean"),
    FMP_ATTR(continuous_params, stddev, FMP_ATTR_F64, "1", "[0,inf)",
             "the standard deviation, before any truncation"),
};

static const distribution uniform = {{"low", "high"}, 1}, normal = {{"mean", "stddev"}, 0};

#define DRAW                                                                    \
  .struct_size = sizeof(fmp_op_def), .schema = "(like?~) -> (y)", .version = 1, \
  .flags = FMP_OP_RANDOM, .infer = infer, .gradient = no_gradient, .gradient_ops = ""
#define NORMAL DRAW, FMP_PARAMS(continuous_params, normal_attrs), .data = &normal

static const fmp_op_def defs[] = {
    {DRAW, FMP_PARAMS(continuous_params, uniform_attrs), .data = &uniform, .name = "uniform",
     .doc = "Uniform random numbers in [low, high).\n"
            "low + (high - low) u, u of 24 bits (f64: 53); never high, unless low = high."},
    {NORMAL, .name = "normal",
     .doc = "Normal random numbers.\n"
            "mean + stddev z, z by Box and Muller's formula from numbers of 32 bits (f64: 53)."},
    {NORMAL, .name = "truncated_normal",
     .doc = "Normal random numbers within two standard deviations of the mean.\n"
            "mean + stddev z, |z| <= 2; the standard deviation of z is about 0.88."},
};

fmp_status continuous_register(const fmp_host *h, fmp_registry *r);
fmp_status continuous_register(const fmp_host *h, fmp_registry *r)
{
  FMP_TRY(FMP_ADD_OPS(h, r, defs));
  return continuous_add_ref(h, r);
}
