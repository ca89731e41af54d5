/* SPDX-License-Identifier: Apache-2.0
 *
 * Elementwise ops with NumPy's broadcasting: shapes are aligned at their ends, and a
 * dimension that is 1 or missing repeats. Kernels: cpu_ref.c and cpu_loops.c; gradients:
 * gradient.c; the expressions themselves: expressions.h. */
#include "elementwise.h"
#include "../numbers.h"
#include "fmp/kit/loops.h"
#include "fmp/kit/register.h"

/* -- shape inference ------------------------------------------------------- */

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

static fmp_status check(const fmp_infer_args *args, const char *name, const fmp_spec *x)
{
  const elementwise_op *op = args->data;
  return fmp_check_dtype(args->host, name, x, op->dtypes, op->wanted);
}

/* a, b -> y of their type. */
static fmp_status infer_pair(const fmp_infer_args *args, const fmp_spec *a, const fmp_spec *b)
{
  const elementwise_op *op = args->data;
  FMP_TRY(check(args, "a", a));
  FMP_TRY(same_dtype(args->host, a, b));
  args->out->dtype = op->compares ? FMP_U8 : a->dtype;
  return broadcast(args->host, "a and b", a, b, args->out);
}

static fmp_status infer_unary(const fmp_infer_args *args)
{
  *args->out = *args->in;
  return check(args, "x", args->in);
}

static fmp_status infer_binary(const fmp_infer_args *args)
{
  return infer_pair(args, &args->in[0], &args->in[1]);
}

static fmp_status check_condition(const fmp_infer_args *args)
{
  return fmp_check_dtype(args->host, "cond", args->in, FMP_BIT(FMP_U8), "u8");
}

/* cond, a and b broadcast together; y has the type of a and b. */
static fmp_status infer_where(const fmp_infer_args *args)
{
  FMP_TRY(check_condition(args));
  FMP_TRY(infer_pair(args, &args->in[1], &args->in[2]));
  return broadcast(args->host, "cond and the choice", args->in, args->out, args->out);
}

/* cond and x broadcast together; y has x's type. */
static fmp_status infer_mask(const fmp_infer_args *args)
{
  FMP_TRY(check_condition(args));
  FMP_TRY(check(args, "x", &args->in[1]));
  args->out->dtype = args->in[1].dtype;
  return broadcast(args->host, "cond and x", &args->in[0], &args->in[1], args->out);
}

/* -- the ops --------------------------------------------------------------- */

#define IN_FLOATS  .dtypes = FMP_FLOATS, .wanted = FLOATS_TEXT
#define IN_NUMBERS .dtypes = NUMBERS, .wanted = NUMBERS_TEXT

static const elementwise_op floats = {IN_FLOATS}, numbers = {IN_NUMBERS};
static const elementwise_op comparison = {IN_NUMBERS, .compares = 1};
static const elementwise_op maximum = {IN_NUMBERS, .second = "less"};
static const elementwise_op minimum = {IN_NUMBERS, .second = "greater"};

/* dx = dy y, dy / x, dy / (y + y), dy sign(x), dy (x + x) */
static const elementwise_op exponential = {IN_FLOATS, .by = "mul", .of_output = 1};
static const elementwise_op logarithm = {IN_FLOATS, .by = "div"};
static const elementwise_op root = {IN_FLOATS, .by = "div", .of = "add", .n_of = 2, .of_output = 1};
static const elementwise_op magnitude = {IN_NUMBERS, .by = "mul", .of = "sign", .n_of = 1};
static const elementwise_op square = {IN_NUMBERS, .by = "mul", .of = "add", .n_of = 2};

#define OP     .struct_size = sizeof(fmp_op_def), .version = 1
#define UNARY  OP, .schema = "(x) -> (y)", .infer = infer_unary
#define BINARY OP, .schema = "(a, b) -> (y)", .infer = infer_binary
#define MASK   OP, .schema = "(cond, x) -> (y)", .data = &numbers, .infer = infer_mask
#define SHAPES "\nShapes broadcast as in NumPy; a and b have the same type."
#define COMPARISON(condition) \
  BINARY, .data = &comparison, .doc = "Comparison: y = 1 where " condition ", else 0; u8." SHAPES
/* The fields of a gradient: a function of gradient.c, and the ops that it emits. */
#define GRADIENT(function, ops) .gradient = elementwise_grad_##function, .gradient_ops = (ops)

static const fmp_op_def ops[] = {
    {BINARY, .name = "add", .doc = "Sum: y = a + b." SHAPES, .role = FMP_ROLE_ACCUMULATE,
     .data = &numbers, GRADIENT(add, "sum_to")},
    {BINARY, .name = "sub", .doc = "Difference: y = a - b." SHAPES, .data = &numbers,
     GRADIENT(sub, "neg sum_to")},
    {BINARY, .name = "mul", .doc = "Product: y = a b." SHAPES, .data = &numbers,
     GRADIENT(mul, "mul sum_to")},
    {BINARY, .name = "div", .doc = "Quotient: y = a / b; floats." SHAPES, .data = &floats,
     GRADIENT(div, "div mul neg sum_to")},
    {BINARY, .name = "pow",
     .doc =
         "Power: y = a^b; floats." SHAPES "\n"
         "Gradients: da = dy b a^(b-1), zero where b = 0; db = dy y log(a), zero where a = 0 and\n"
         "b >= 0, NaN where a < 0, since there the power is defined for whole b only.",
     .data = &floats, GRADIENT(pow, "pow_base_slope pow_exponent_slope mul sum_to")},
    {BINARY, .name = "pow_base_slope",
     .doc = "Slope of pow in its base: y = b a^(b-1), 0 where b = 0." SHAPES, .data = &floats},
    {BINARY, .name = "pow_exponent_slope",
     .doc = "Slope of pow in its exponent: y = a^b log(a), 0 where a = 0 and b >= 0." SHAPES,
     .data = &floats},
    {BINARY, .name = "maximum",
     .doc =
         "The greater: y = max(a, b)." SHAPES "\n"
         "NaN if either is. The gradient goes to the operand chosen, wholly to a where they are\n"
         "equal or cannot be compared.",
     .data = &maximum, GRADIENT(choice, "less keep_if drop_if sum_to")},
    {BINARY, .name = "minimum",
     .doc =
         "The smaller: y = min(a, b)." SHAPES "\n"
         "NaN if either is. The gradient goes to the operand chosen, wholly to a where they are\n"
         "equal or cannot be compared.",
     .data = &minimum, GRADIENT(choice, "greater keep_if drop_if sum_to")},

    {UNARY, .name = "neg", .doc = "Negative: y = -x.", .data = &numbers, GRADIENT(neg, "neg")},
    {UNARY, .name = "exp", .doc = "Exponential: y = e^x; floats.", .data = &exponential,
     GRADIENT(slope, "mul")},
    {UNARY, .name = "log", .doc = "Natural logarithm: y = log(x); floats.", .data = &logarithm,
     GRADIENT(slope, "div")},
    {UNARY, .name = "sqrt",
     .doc = "Square root: y = sqrt(x); floats.\nThe gradient dy / (2 y) is infinite at x = 0.",
     .data = &root, GRADIENT(slope, "add div")},
    {UNARY, .name = "abs",
     .doc =
         "Magnitude: y = |x|.\nThe gradient is dy sign(x): 0 at x = 0. The smallest integer of a "
         "type\nis left as it is.",
     .data = &magnitude, GRADIENT(slope, "mul sign")},
    {UNARY, .name = "sign", .doc = "Sign: y = -1, 0 or 1; NaN for NaN.\nIts gradient is 0.",
     .data = &numbers, GRADIENT(sign, "not_equal keep_if")},
    {UNARY, .name = "square", .doc = "Square: y = x x.", .data = &square,
     GRADIENT(slope, "add mul")},

    {COMPARISON("a = b"), .name = "equal"},
    {COMPARISON("a differs from b"), .name = "not_equal"},
    {COMPARISON("a < b"), .name = "less"},
    {COMPARISON("a <= b"), .name = "less_equal"},
    {COMPARISON("a > b"), .name = "greater"},
    {COMPARISON("a >= b"), .name = "greater_equal"},

    {OP, .name = "where", .schema = "(cond, a, b) -> (y)", .infer = infer_where,
     .doc = "Choice: y = a where cond is not 0, else b.\n"
            "cond is u8; all three shapes broadcast as in NumPy; a and b have the same type.\n"
            "What is not chosen gets gradient 0, even where it is NaN or infinite.",
     .data = &numbers, GRADIENT(where, "keep_if drop_if sum_to")},
    {MASK, .name = "keep_if", .doc = "Mask: y = x where cond (u8) is not 0, else 0.",
     GRADIENT(mask, "keep_if sum_to")},
    {MASK, .name = "drop_if", .doc = "Mask: y = 0 where cond (u8) is not 0, else x.",
     GRADIENT(mask, "drop_if sum_to")},
};

fmp_status elementwise_register(const fmp_host *h, fmp_registry *r);

fmp_status elementwise_register(const fmp_host *h, fmp_registry *r)
{
  FMP_TRY(FMP_ADD_OPS(h, r, ops));
  FMP_TRY(elementwise_add_ref(h, r));
  return elementwise_add_loops(h, r);
}
