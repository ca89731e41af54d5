/* SPDX-License-Identifier: Apache-2.0
 *
 * reshape and reshape_like: the same elements in row-major order, another shape. Both are
 * views; where x's strides do not allow one, the engine copies x first. */
#include "../array.h"

typedef struct reshape_params {
  fmp_list shape;
} reshape_params;

/* -- shape inference -------------------------------------------------------- */

/* What is asked for, taken apart: sizes that are kept cancel out, so that -1 has a value
 * for an empty batch too. Where that fits no empty x, each 0 is what it says. */
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
      empty = 1; /* other sizes may be such that only 0 bounds them */
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

static fmp_status reshape_infer(const fmp_host *h, const void *params, const fmp_spec *in,
                                uint32_t n_in, fmp_spec *out, uint32_t n_out)
{
  const fmp_list shape = ((const reshape_params *)params)->shape;
  request q = {.given = 1, .rest = 1, .open = -1, .zero = -1};
  (void)n_in, (void)n_out;
  FMP_REQUIRE(h, shape.count <= FMP_MAX_RANK, FMP_ESHAPE,
              "expected a shape of at most %d dimensions, got %lld", (int)FMP_MAX_RANK,
              (long long)shape.count);
  FMP_TRY(read_request(h, shape, in, &q));
  const int kept = fits(&q, in);
  if (!kept && !(q.open < 0 && q.zero >= 0 && is_empty(in))) return refuse(h, &q, in);
  out[0].dtype = in[0].dtype;
  out[0].rank = (uint32_t)shape.count;
  for (uint32_t i = 0; i < out[0].rank; i++) {
    const int64_t size = array_item(shape, i, 0);
    out[0].shape[i] = size == 0 && kept ? in[0].shape[i] : size;
    /* NOLINTNEXTLINE(clang-analyzer-core.DivideZero): where a size is open, given is not 0 */
    if (size == -1) out[0].shape[i] = q.rest / q.given;
  }
  return FMP_OK;
}

static fmp_status like_infer(const fmp_host *h, const void *params, const fmp_spec *in,
                             uint32_t n_in, fmp_spec *out, uint32_t n_out)
{
  char x[FMP_SPEC_TEXT], like[FMP_SPEC_TEXT];
  (void)params, (void)n_in, (void)n_out;
  FMP_REQUIRE(h, fmp_spec_size(&in[0]) == fmp_spec_size(&in[1]), FMP_ESHAPE,
              "expected x of as many elements as like: %s, got %s", h->spec_text(&in[1], like),
              h->spec_text(&in[0], x));
  out[0] = in[1];
  out[0].dtype = in[0].dtype;
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
static fmp_status reshape_alias(const fmp_host *h, const void *params, const fmp_view *x,
                                fmp_view *y)
{
  run runs[FMP_MAX_RANK];
  uint32_t left;
  (void)params;
  array_contiguous_strides(y->rank, y->shape, y->strides);
  if (fmp_view_size(x) == 0) return FMP_OK;
  left = join_dimensions(x, runs);
  for (uint32_t i = y->rank; i-- > 0;) {
    if (y->shape[i] == 1) continue;
    while (left > 0 && runs[left - 1].n == 1) left--;
    FMP_REQUIRE(h, left > 0 && runs[left - 1].n % y->shape[i] == 0, FMP_EUNSUPPORTED,
                "expected strides that allow a view of the new shape, got others");
    y->strides[i] = runs[left - 1].stride;
    runs[left - 1].n /= y->shape[i];
    runs[left - 1].stride *= y->shape[i];
  }
  return FMP_OK;
}

/* -- gradient ---------------------------------------------------------------- */

/* dx = dy in x's shape, for both ops; only x's spec is needed. */
static fmp_status reshape_gradient(const fmp_host *h, fmp_builder *b, const void *params)
{
  (void)params;
  if (h->grad_wants(b, 0)) {
    const fmp_value in[] = {h->grad_dout(b, 0), h->grad_in(b, 0)};
    h->grad_set(b, 0, h->emit(b, "reshape_like", NULL, 0, in, 2));
  }
  return FMP_OK;
}

/* -- definitions ------------------------------------------------------------- */

static const fmp_attr_def reshape_attrs[] = {
    FMP_ATTR(
        reshape_params, shape, FMP_ATTR_I64S, NULL, "[-1,)",
        "sizes; -1, once: whatever is left; 0: x's size of the same dimension, or 0 itself where "
        "only that fits, x being empty"),
};

static const fmp_op_def defs[] = {
    {.struct_size = sizeof(fmp_op_def),
     .name = "reshape",
     .schema = "(x) -> (y)",
     .doc = "The same elements in another shape.\n"
            "Elements keep their row-major order. y is a view of x's memory where strides allow.\n"
            "{0, -1} flattens all but the batch.",
     .version = 1,
     .attrs = reshape_attrs,
     .n_attr = 1,
     .attr_size = sizeof(fmp_attr_def),
     .params_size = sizeof(reshape_params),
     .infer = reshape_infer,
     .gradient = reshape_gradient,
     .gradient_ops = "reshape_like",
     .alias = reshape_alias},
    {.struct_size = sizeof(fmp_op_def),
     .name = "reshape_like",
     .schema = "(x, like~) -> (y)",
     .doc = "x in the shape of like.\n"
            "Elements keep their row-major order and type; like has as many.",
     .version = 1,
     .infer = like_infer,
     .gradient = reshape_gradient,
     .gradient_ops = "reshape_like",
     .alias = reshape_alias},
};

fmp_status reshape_register(const fmp_host *h, fmp_registry *r);
fmp_status reshape_register(const fmp_host *h, fmp_registry *r)
{
  for (size_t i = 0; i < sizeof defs / sizeof defs[0]; i++) FMP_TRY(h->add_op(r, &defs[i]));
  return FMP_OK;
}
