/* SPDX-License-Identifier: Apache-2.0
 *
 * Elementwise ops with NumPy's broadcasting: shapes are aligned at their ends, and a
 * dimension that is 1 or missing repeats. Kernels: cpu_ref.c and cpu_loops.c; gradients:
 * gradient.c; the expressions themselves: expressions.h. */
#include "elementwise.h"
#include "fmp/kit/check.h"
#include "fmp/kit/loops.h"

/* -- shape inference ------------------------------------------------------- */

#define NUMBERS (FMP_FLOATS | FMP_BIT(FMP_U8) | FMP_BIT(FMP_I32) | FMP_BIT(FMP_I64))

static const char *const floats_text = "f32, f64 or bf16";
static const char *const numbers_text = "f32, f64, bf16, u8, i32 or i64";

static fmp_status broadcast(const fmp_host *h, const char *names, const fmp_spec *a,
                            const fmp_spec *b, fmp_spec *y)
{
  char ta[FMP_SPEC_TEXT], tb[FMP_SPEC_TEXT];
  FMP_REQUIRE(h, fmp_broadcast_shape(a, b, y), FMP_ESHAPE,
              "expected %s of shapes that broadcast, got %s and %s", names, h->spec_text(a, ta),
              h->spec_text(b, tb));
  return FMP_OK;
}

static fmp_status same_dtype(const fmp_host *h, const fmp_spec *a, const fmp_spec *b)
{
  char ta[FMP_SPEC_TEXT], tb[FMP_SPEC_TEXT];
  FMP_REQUIRE(h, a->dtype == b->dtype, FMP_EDTYPE, "expected a and b of one type, got %s and %s",
              h->spec_text(a, ta), h->spec_text(b, tb));
  return FMP_OK;
}

/* a, b -> y of their type. */
static fmp_status infer_binary(const fmp_host *h, const fmp_spec *in, uint32_t dtypes,
                               const char *wanted, fmp_spec *y)
{
  FMP_TRY(fmp_check_dtype(h, "a", &in[0], dtypes, wanted));
  FMP_TRY(same_dtype(h, &in[0], &in[1]));
  y->dtype = in[0].dtype;
  return broadcast(h, "a and b", &in[0], &in[1], y);
}

static fmp_status infer_numbers(const fmp_host *h, const void *params, const fmp_spec *in,
                                uint32_t n_in, fmp_spec *out, uint32_t n_out)
{
  (void)params, (void)n_in, (void)n_out;
  return infer_binary(h, in, NUMBERS, numbers_text, out);
}

static fmp_status infer_floats(const fmp_host *h, const void *params, const fmp_spec *in,
                               uint32_t n_in, fmp_spec *out, uint32_t n_out)
{
  (void)params, (void)n_in, (void)n_out;
  return infer_binary(h, in, FMP_FLOATS, floats_text, out);
}

static fmp_status infer_comparison(const fmp_host *h, const void *params, const fmp_spec *in,
                                   uint32_t n_in, fmp_spec *out, uint32_t n_out)
{
  FMP_TRY(infer_numbers(h, params, in, n_in, out, n_out));
  out->dtype = FMP_U8;
  return FMP_OK;
}

static fmp_status infer_number(const fmp_host *h, const void *params, const fmp_spec *in,
                               uint32_t n_in, fmp_spec *out, uint32_t n_out)
{
  (void)params, (void)n_in, (void)n_out;
  *out = *in;
  return fmp_check_dtype(h, "x", in, NUMBERS, numbers_text);
}

static fmp_status infer_float(const fmp_host *h, const void *params, const fmp_spec *in,
                              uint32_t n_in, fmp_spec *out, uint32_t n_out)
{
  (void)params, (void)n_in, (void)n_out;
  *out = *in;
  return fmp_check_dtype(h, "x", in, FMP_FLOATS, floats_text);
}

static fmp_status infer_where(const fmp_host *h, const void *params, const fmp_spec *in,
                              uint32_t n_in, fmp_spec *out, uint32_t n_out)
{
  (void)params, (void)n_in, (void)n_out;
  FMP_TRY(fmp_check_dtype(h, "cond", &in[0], FMP_BIT(FMP_U8), "u8"));
  FMP_TRY(infer_binary(h, in + 1, NUMBERS, numbers_text, out));
  return broadcast(h, "cond and the choice", &in[0], out, out);
}

static fmp_status infer_mask(const fmp_host *h, const void *params, const fmp_spec *in,
                             uint32_t n_in, fmp_spec *out, uint32_t n_out)
{
  (void)params, (void)n_in, (void)n_out;
  FMP_TRY(fmp_check_dtype(h, "cond", &in[0], FMP_BIT(FMP_U8), "u8"));
  FMP_TRY(fmp_check_dtype(h, "x", &in[1], NUMBERS, numbers_text));
  out->dtype = in[1].dtype;
  return broadcast(h, "cond and x", &in[0], &in[1], out);
}

/* -- the ops --------------------------------------------------------------- */

typedef struct op_row {
  const char *name, *schema, *doc;
  fmp_status (*infer)(const fmp_host *h, const void *params, const fmp_spec *in, uint32_t n_in,
                      fmp_spec *out, uint32_t n_out);
  elementwise_gradient gradient; /* NULL: not differentiable */
  const char *gradient_ops;
  uint32_t role;
} op_row;

#define AB     "(a, b) -> (y)"
#define X      "(x) -> (y)"
#define SHAPES "\nShapes broadcast as in NumPy; a and b have one type."

static const op_row rows[] = {
    {"add", AB, "Sum: y = a + b." SHAPES, infer_numbers, elementwise_grad_add, "sum_to",
     FMP_ROLE_ACCUMULATE},
    {"sub", AB, "Difference: y = a - b." SHAPES, infer_numbers, elementwise_grad_sub, "neg sum_to",
     0},
    {"mul", AB, "Product: y = a b." SHAPES, infer_numbers, elementwise_grad_mul, "mul sum_to", 0},
    {"div", AB, "Quotient: y = a / b; floats." SHAPES, infer_floats, elementwise_grad_div,
     "div mul neg sum_to", 0},
    {"pow", AB,
     "Power: y = a^b; floats." SHAPES
     "\nGradients: da = dy b a^(b-1), zero where b = 0; db = dy y log(a), zero where a = 0 and\n"
     "b >= 0, NaN where a < 0, where the power is defined for whole b only.",
     infer_floats, elementwise_grad_pow, "pow_base_slope pow_exponent_slope mul sum_to", 0},
    {"pow_base_slope", AB, "Slope of pow in its base: y = b a^(b-1), 0 where b = 0." SHAPES,
     infer_floats, NULL, NULL, 0},
    {"pow_exponent_slope", AB,
     "Slope of pow in its exponent: y = a^b log(a), 0 where a = 0 and b >= 0." SHAPES, infer_floats,
     NULL, NULL, 0},
    {"maximum", AB,
     "The greater: y = max(a, b)." SHAPES
     "\nNaN if either is. The gradient goes to the operand chosen, wholly to a where they are\n"
     "equal or cannot be compared.",
     infer_numbers, elementwise_grad_maximum, "less keep_if drop_if sum_to", 0},
    {"minimum", AB,
     "The smaller: y = min(a, b)." SHAPES
     "\nNaN if either is. The gradient goes to the operand chosen, wholly to a where they are\n"
     "equal or cannot be compared.",
     infer_numbers, elementwise_grad_minimum, "greater keep_if drop_if sum_to", 0},

    {"neg", X, "Negative: y = -x.", infer_number, elementwise_grad_neg, "neg", 0},
    {"exp", X, "Exponential: y = e^x; floats.", infer_float, elementwise_grad_exp, "mul", 0},
    {"log", X, "Natural logarithm: y = log(x); floats.", infer_float, elementwise_grad_log, "div",
     0},
    {"sqrt", X, "Square root: y = sqrt(x); floats.\nThe gradient dy / (2 y) is infinite at x = 0.",
     infer_float, elementwise_grad_sqrt, "add div", 0},
    {"abs", X,
     "Magnitude: y = |x|.\nThe gradient is dy sign(x): 0 at x = 0. The least integer of a type\n"
     "stays itself.",
     infer_number, elementwise_grad_abs, "mul sign", 0},
    {"sign", X, "Sign: y = -1, 0 or 1; NaN for NaN.\nIts gradient is 0.", infer_number,
     elementwise_grad_sign, "not_equal keep_if", 0},
    {"square", X, "Square: y = x x.", infer_number, elementwise_grad_square, "add mul", 0},

    {"equal", AB, "Comparison: y = 1 where a = b, else 0; u8." SHAPES, infer_comparison, NULL, NULL,
     0},
    {"not_equal", AB, "Comparison: y = 1 where a differs from b, else 0; u8." SHAPES,
     infer_comparison, NULL, NULL, 0},
    {"less", AB, "Comparison: y = 1 where a < b, else 0; u8." SHAPES, infer_comparison, NULL, NULL,
     0},
    {"less_equal", AB, "Comparison: y = 1 where a <= b, else 0; u8." SHAPES, infer_comparison, NULL,
     NULL, 0},
    {"greater", AB, "Comparison: y = 1 where a > b, else 0; u8." SHAPES, infer_comparison, NULL,
     NULL, 0},
    {"greater_equal", AB, "Comparison: y = 1 where a >= b, else 0; u8." SHAPES, infer_comparison,
     NULL, NULL, 0},

    {"where", "(cond, a, b) -> (y)",
     "Choice: y = a where cond is not 0, else b.\n"
     "cond is u8; the shapes of all three broadcast as in NumPy; a and b have one type.\n"
     "What is not chosen gets gradient 0, even where it is NaN or infinite.",
     infer_where, elementwise_grad_where, "keep_if drop_if sum_to", 0},
    {"keep_if", "(cond, x) -> (y)", "Mask: y = x where cond (u8) is not 0, else 0.", infer_mask,
     elementwise_grad_keep_if, "keep_if sum_to", 0},
    {"drop_if", "(cond, x) -> (y)", "Mask: y = 0 where cond (u8) is not 0, else x.", infer_mask,
     elementwise_grad_drop_if, "drop_if sum_to", 0},
};

static fmp_status add_op(const fmp_host *h, fmp_registry *r, const op_row *row)
{
  const fmp_op_def def = {
      .struct_size = sizeof def,
      .name = row->name,
      .schema = row->schema,
      .doc = row->doc,
      .version = 1,
      .precision = FMP_PRECISION_FOLLOW,
      .role = row->role,
      .attr_size = sizeof(fmp_attr_def),
      .infer = row->infer,
      .gradient = row->gradient,
      .gradient_ops = row->gradient_ops,
  };
  return h->add_op(r, &def);
}

fmp_status elementwise_register(const fmp_host *h, fmp_registry *r);

fmp_status elementwise_register(const fmp_host *h, fmp_registry *r)
{
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) FMP_TRY(add_op(h, r, &rows[i]));
  FMP_TRY(elementwise_add_ref(h, r));
  return elementwise_add_loops(h, r);
}
