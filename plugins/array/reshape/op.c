/* SPDX-License-Identifier: Apache-2.0
 *
 * reshape and reshape_like: the same elements in row-major order, another shape. Both are
 * views; where x's strides do not allow one, the engine copies x first. */
#include "../array.h"
#include "fmp/kit/register.h"

typedef struct reshape_params {
  fmp_list shape;
} reshape_params;

/* -- shape inference -------------------------------------------------------- */

/* The requested shape, taken apart. Sizes that are kept cancel out, so that -1 has a value
 * for an empty batch too. Where an empty x does not fit that way, each 0 means a size of 0. */
typedef struct request {
  int64_t given; /* product of the sizes given */
  int64_t rest;  /* product of x's sizes that are not kept */
  int64_t open;  /* index of the -1, or -1 */
  int64_t zero;  /* index of the last 0, or -1 */
  int empties;   /* a size of 0 is kept: any others fit */
} request;

static fmp_status multiply(const fmp_host *h, int64_t *product, int64_t factor)
{
  FMP_REQUIRE(h, !__builtin_mul_overflow(*product, factor, product), FMP_ESHAPE,
              "expected a shape of at most 2^63 elements, got a larger one");
  return FMP_OK;
}

static int is_empty(const fmp_spec *x)
{
  for (uint32_t i = 0; i < x->rank; i++)
    if (x->shape[i] == 0) return 1;
  return 0;
}

/* x's sizes are kept where `shape` has a 0. */
static fmp_status rest_of(const fmp_host *h, fmp_list shape, const fmp_spec *x, request *q)
{
  int64_t empty = 0;
  for (uint32_t i = 0; i < x->rank; i++) {
    const int keeps = array_item(shape, i, 1) == 0;
    if (keeps && x->shape[i] == 0) q->empties = 1;
    if (keeps) continue;
    if (x->shape[i] == 0)
      empty = 1; /* so the product of the other sizes may overflow: only with 0 is it in range */
    else
      FMP_TRY(multiply(h, &q->rest, x->shape[i]));
  }
  if (empty) q->rest = 0;
  return FMP_OK;
}

static fmp_status read_request(const fmp_host *h, fmp_list shape, const fmp_spec *x, request *q)
{
  for (uint32_t i = 0; (int64_t)i < shape.count; i++) {
    const int64_t size = array_item(shape, i, 0);
    if (size == -1) {
      FMP_REQUIRE(h, q->open < 0, FMP_EINVAL, "expected at most one -1 in shape, got more");
      q->open = i;
    } else if (size == 0) {
      q->zero = i;
    } else {
      FMP_TRY(multiply(h, &q->given, size));
    }
  }
  return rest_of(h, shape, x, q);
}

static int fits(const request *q, const fmp_spec *x)
{
  if (q->zero >= (int64_t)x->rank) return 0; /* nothing to keep */
  if (q->open >= 0) return q->rest % q->given == 0;
  return q->empties || q->rest == q->given;
}

static fmp_status refuse(const fmp_host *h, const request *q, const fmp_spec *x)
{
  char text[FMP_SPEC_TEXT];
  if (q->zero >= (int64_t)x->rank)
    return h->fail(FMP_ESHAPE, "expected x with a dimension %d to keep (0 in shape), got %s",
                   (int)q->zero + 1, h->spec_text(x, text));
  return h->fail(FMP_ESHAPE,
                 "expected a shape for the %lld elements of %s (a kept dimension counted once), "
                 "got one for %s%lld",
                 (long long)q->rest, h->spec_text(x, text), q->open >= 0 ? "multiples of " : "",
                 (long long)q->given);
}

static fmp_status reshape_infer(const fmp_infer_args *args)
{
  const fmp_host *h = args->host;
  const fmp_spec *x = args->in;
  fmp_spec *y = args->out;
  const fmp_list shape = ((const reshape_params *)args->params)->shape;
  request q = {.given = 1, .rest = 1, .open = -1, .zero = -1};
  FMP_REQUIRE(h, shape.count <= FMP_MAX_RANK, FMP_ESHAPE,
              "expected a shape of at most %d dimensions, got %lld", (int)FMP_MAX_RANK,
              (long long)shape.count);
  FMP_TRY(read_request(h, shape, x, &q));
  const int kept = fits(&q, x);
  if (!kept && !(q.open < 0 && q.zero >= 0 && is_empty(x))) return refuse(h, &q, x);
  y->dtype = x->dtype;
  y->rank = (uint32_t)shape.count;
  for (uint32_t i = 0; i < y->rank; i++) {
    const int64_t size = array_item(shape, i, 0);
    y->shape[i] = size == 0 && kept ? x->shape[i] : size;
    /* NOLINTNEXTLINE(clang-analyzer-core.DivideZero): where a size is open, given is not 0 */
    if (size == -1) y->shape[i] = q.rest / q.given;
  }
  return FMP_OK;
}

static fmp_status like_infer(const fmp_infer_args *args)
{
  const fmp_host *h = args->host;
  const fmp_spec *x = &args->in[0], *like = &args->in[1];
  char tx[FMP_SPEC_TEXT], tl[FMP_SPEC_TEXT];
  FMP_REQUIRE(h, fmp_spec_size(x) == fmp_spec_size(like), FMP_ESHAPE,
              "expected x of as many elements as like: %s, got %s", h->spec_text(like, tl),
              h->spec_text(x, tx));
  *args->out = *like;
  args->out->dtype = x->dtype;
  return FMP_OK;
}

/* -- the view ---------------------------------------------------------------- */

/* Dimensions whose elements lie evenly spaced, as one: (n, stride). */
typedef struct run {
  int64_t n, stride;
} run;

/* Drops sizes of 1 and joins dimensions where the outer stride is all of the inner one. */
static uint32_t join_dimensions(const fmp_view *x, run *runs)
{
  uint32_t n = 0;
  for (uint32_t i = 0; i < x->rank; i++) {
    if (x->shape[i] == 1) continue;
    if (n > 0 && runs[n - 1].stride == x->strides[i] * x->shape[i]) {
      runs[n - 1].n *= x->shape[i];
      runs[n - 1].stride = x->strides[i];
    } else {
      runs[n++] = (run){x->shape[i], x->strides[i]};
    }
  }
  return n;
}

/* Each run must be a product of sizes of y that follow one another. Works from the last
 * dimension, dividing the run that it is in. */
static fmp_status reshape_alias(const fmp_alias_args *args)
{
  const fmp_view *x = args->in;
  fmp_view *y = args->out;
  run runs[FMP_MAX_RANK];
  uint32_t left;
  array_contiguous_strides(y->rank, y->shape, y->strides);
  if (fmp_view_size(x) == 0) return FMP_OK;
  left = join_dimensions(x, runs);
  for (uint32_t i = y->rank; i-- > 0;) {
    if (y->shape[i] == 1) continue;
    while (left > 0 && runs[left - 1].n == 1) left--;
    FMP_REQUIRE(args->host, left > 0 && runs[left - 1].n % y->shape[i] == 0, FMP_EUNSUPPORTED,
                "expected strides that allow a view of the new shape, got others");
    y->strides[i] = runs[left - 1].stride;
    runs[left - 1].n /= y->shape[i];
    runs[left - 1].stride *= y->shape[i];
  }
  return FMP_OK;
}

/* -- gradient ---------------------------------------------------------------- */

/* dx = dy in x's shape, for both ops; only x's spec is needed. */
static fmp_status reshape_gradient(const fmp_gradient_args *args)
{
  const fmp_host *h = args->host;
  const fmp_value in[] = {h->grad_dout(args->builder, 0), h->grad_in(args->builder, 0)};
  h->grad_set(args->builder, 0, h->emit(args->builder, "reshape_like", NULL, 0, in, 2));
  return FMP_OK;
}

/* -- definitions ------------------------------------------------------------- */

static const fmp_attr_def reshape_attrs[] = {
    FMP_ATTR(
        reshape_params, shape, FMP_ATTR_I64S, NULL, "[-1,)",
        "sizes; -1, once: whatever is left; 0: x's size of the same dimension, or 0 itself if x is "
        "empty and only that fits"),
};

static const fmp_op_def defs[] = {
    {.struct_size = sizeof(fmp_op_def),
     .name = "reshape",
     .schema = "(x) -> (y)",
     .doc = "The same elements in another shape.\n"
            "Elements keep their row-major order. y is a view of x's memory where strides allow.\n"
            "{0, -1} flattens all but the batch.",
     .version = 1,
     FMP_PARAMS(reshape_params, reshape_attrs),
     .infer = reshape_infer,
     .gradient = reshape_gradient,
     .gradient_ops = "reshape_like",
     .alias = reshape_alias},
    {.struct_size = sizeof(fmp_op_def),
     .name = "reshape_like",
     .schema = "(x, like~) -> (y)",
     .doc = "x in the shape of like.\n"
            "Elements keep their row-major order and type; like has the same number of them.",
     .version = 1,
     .infer = like_infer,
     .gradient = reshape_gradient,
     .gradient_ops = "reshape_like",
     .alias = reshape_alias},
};

fmp_status reshape_register(const fmp_host *h, fmp_registry *r);
fmp_status reshape_register(const fmp_host *h, fmp_registry *r) { return FMP_ADD_OPS(h, r, defs); }
