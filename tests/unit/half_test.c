/* SPDX-License-Identifier: Apache-2.0
 * kit/half.h against the formats' own definition, mantissa * 2^exponent by ldexp: every
 * bf16 and f16, and each place where rounding turns from one to the next, in every rounding
 * mode; the same through the engine, which converts numbers by it. */
#include <fenv.h>
#include <math.h>

#include "fmp/kit/half.h"
#include "support.h"

typedef struct format {
  uint32_t dtype;
  int mantissa, bias; /* bits; of the exponent */
  float (*widen)(uint16_t x);
  uint16_t (*from_f32)(float x);
  uint16_t (*from_f64)(double x);
} format;

static const format formats[] = {
    {FMP_BF16, 7, 127, fmp_bf16_to_f32, fmp_bf16_of_f32, fmp_bf16_of_f64},
    {FMP_F16, 10, 15, fmp_f16_to_f32, fmp_f16_of_f32, fmp_f16_of_f64},
};
enum { FORMATS = sizeof formats / sizeof *formats };

static const int modes[] = {FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};
enum { MODES = sizeof modes / sizeof *modes };

static uint32_t infinity_of(const format *f) { return 0x7FFFu >> f->mantissa << f->mantissa; }

/* What positive bits mean by the definition of the format; the bits of infinity give the
 * number that would come next, from which the last rounding boundary follows. */
static double value_of(const format *f, uint32_t bits)
{
  const int exponent = (int)(bits >> f->mantissa), unit = 1 << f->mantissa;
  const int mantissa = (int)(bits & (uint32_t)(unit - 1));
  if (exponent == 0) return ldexp(mantissa, 1 - f->bias - f->mantissa);
  return ldexp(unit + mantissa, exponent - f->bias - f->mantissa);
}

/* -- what is exact --------------------------------------------------------- */

static void check_exact(const format *f, uint32_t bits)
{
  const double value = value_of(f, bits);
  for (int sign = 0; sign < 2; sign++) {
    const uint16_t half = (uint16_t)(bits | (uint32_t)sign << 15);
    const double signed_value = sign ? -value : value, wide = (double)f->widen(half);
    assert_true(wide == signed_value && signbit(wide) == (sign ? signbit(-0.0) : signbit(0.0)));
    assert_int_equal(f->from_f32((float)signed_value), half);
    assert_int_equal(f->from_f64(signed_value), half);
  }
}

static void check_not_finite(const format *f)
{
  const uint32_t infinity = infinity_of(f), quiet = 1u << (f->mantissa - 1);
  for (uint32_t bits = infinity; bits < 0x8000u; bits++)
    for (uint32_t sign = 0; sign < 2; sign++) {
      const uint16_t half = (uint16_t)(bits | sign << 15);
      const float wide = f->widen(half);
      const uint16_t want = (uint16_t)(bits == infinity ? half : half | quiet);
      assert_true(bits == infinity ? isinf(wide) : isnan(wide));
      assert_int_equal(f->from_f32(wide), want);
      assert_int_equal(f->from_f64((double)wide), want);
    }
}

static void knows_every_number(void **state)
{
  (void)state;
  for (int i = 0; i < FORMATS; i++) {
    for (uint32_t bits = 0; bits < infinity_of(&formats[i]); bits++) check_exact(&formats[i], bits);
    check_not_finite(&formats[i]);
  }
}

/* -- what is rounded ------------------------------------------------------- */

/* Around the middle between two neighbours: below it the lower, above it the upper, at it the
 * even one. The middle has one bit more than the format: exact in f32. */
static void check_boundary(const format *f, uint32_t bits)
{
  const double middle = (value_of(f, bits) + value_of(f, bits + 1)) / 2;
  const uint32_t even = bits + (bits & 1);
  const struct {
    double value;
    uint32_t want;
  } cases[] = {{middle, even},
               {nextafter(middle, 0), bits},
               {nextafter(middle, INFINITY), bits + 1},
               {(double)nextafterf((float)middle, 0), bits},
               {(double)nextafterf((float)middle, INFINITY), bits + 1}};
  for (int i = 0; i < 5; i++) {
    const double x = cases[i].value;
    assert_int_equal(f->from_f64(x), cases[i].want);
    assert_int_equal(f->from_f64(-x), cases[i].want | 0x8000u);
    if ((double)(float)x != x) continue;
    assert_int_equal(f->from_f32((float)x), cases[i].want);
    assert_int_equal(f->from_f32((float)-x), cases[i].want | 0x8000u);
  }
}

static void check_far(const format *f)
{
  assert_int_equal(f->from_f64(0x1p-1074), 0);
  assert_int_equal(f->from_f64(-0x1p-1074), 0x8000u);
  assert_int_equal(f->from_f64(1e300), infinity_of(f));
  assert_int_equal(f->from_f64(-1e300), infinity_of(f) | 0x8000u);
  assert_int_equal(f->from_f64(INFINITY), infinity_of(f));
}

static void rounds_to_nearest_in_every_mode(void **state)
{
  (void)state;
  for (int m = 0; m < MODES; m++)
    for (int i = 0; i < FORMATS; i++) {
      fesetround(modes[m]);
      for (uint32_t bits = 0; bits < infinity_of(&formats[i]); bits++)
        check_boundary(&formats[i], bits);
      check_far(&formats[i]);
    }
  fesetround(FE_TONEAREST);
}

/* -- through the engine ---------------------------------------------------- */

static double through_tensor(uint32_t dtype, double value)
{
  fmp_tensor *t;
  OK(fmp_tensor_number(NULL, dtype, value, &t));
  const double back = item_of(t);
  drop(1, t);
  return back;
}

static double through_cast(uint32_t dtype, double value)
{
  const fmp_attr attr = fmp_attr_dtype("dtype", dtype);
  fmp_tensor *t;
  OK(fmp_tensor_number(NULL, FMP_F64, value, &t));
  fmp_tensor *low = call_with("cast", &attr, 1, 1, t);
  const double back = item_of(low);
  drop(2, t, low);
  return back;
}

/* Every 61st boundary: a prime, so that mantissas and exponents of all kinds come. */
static void check_engine(const format *f, double (*through)(uint32_t dtype, double value))
{
  for (uint32_t bits = 0; bits + 1 < infinity_of(f); bits += 61) {
    const double low = value_of(f, bits), high = value_of(f, bits + 1), middle = (low + high) / 2;
    assert_true(through(f->dtype, middle) == (bits & 1 ? high : low));
    assert_true(through(f->dtype, nextafter(middle, 0)) == low);
    assert_true(through(f->dtype, nextafter(middle, INFINITY)) == high);
    assert_true(through(f->dtype, -nextafter(middle, INFINITY)) == -high);
  }
}

static void numbers_are_rounded_alike(void **state)
{
  (void)state;
  for (int m = 0; m < MODES; m++)
    for (int i = 0; i < FORMATS; i++) {
      fesetround(modes[m]);
      check_engine(&formats[i], through_tensor);
      check_engine(&formats[i], through_cast);
    }
  fesetround(FE_TONEAREST);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(knows_every_number),
      cmocka_unit_test(rounds_to_nearest_in_every_mode),
      cmocka_unit_test(numbers_are_rounded_alike),
  };
  return cmocka_run_group_tests(tests, load_plugins, NULL);
}
