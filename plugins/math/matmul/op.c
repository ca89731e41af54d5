/* SPDX-License-Identifier: Apache-2.0
 *
 * matmul: y = op(a) op(b), where op(x) is x or its transpose; matrices, or batches of
 * them. An operand of rank 2 beside one of rank 3 serves every matrix of the batch. */
#include "matmul.h"
#include "fmp/kit/attr.h"

/* -- shape inference -------------------------------------------------------- */

/* Rows and columns of op(x). */
static int64_t rows_of(const fmp_spec *x, int32_t transposed)
{
  return x->shape[x->rank - (transposed ? 1 : 2)];
}

static int64_t columns_of(const fmp_spec *x, int32_t transposed)
{
  return x->shape[x->rank - (transposed ? 2 : 1)];
}

/* A matrix, or a batch of them; whether it is transposed does not matter yet. */
static fmp_status check_operand(const fmp_host *h, const char *name, const fmp_spec *x)
{
  char text[FMP_SPEC_TEXT];
  FMP_TRY(fmp_check_dtype(h, name, x, FMP_FLOATS, "f32, f64 or bf16"));
  FMP_REQUIRE(h, x->rank == 2 || x->rank == 3, FMP_ESHAPE,
              "expected %s [rows,columns] or [batch,rows,columns], got %s", name,
              h->spec_text(x, text));
  return FMP_OK;
}

/* b must have op(a)'s columns as its rows, a's type, and a's batch if both have one. */
static fmp_status check_pair(const fmp_host *h, const matmul_params *p, const fmp_spec *a,
                             const fmp_spec *b)
{
  char ta[FMP_SPEC_TEXT], tb[FMP_SPEC_TEXT];
  const long long k = columns_of(a, p->transpose_a);
  FMP_REQUIRE(h, a->dtype == b->dtype, FMP_EDTYPE, "expected b of a's type: %s, got %s",
              h->spec_text(a, ta), h->spec_text(b, tb));
  FMP_REQUIRE(h, rows_of(b, p->transpose_b) == k, FMP_ESHAPE,
              "expected b with %lld %s for a %s%s, got %s", k,
              p->transpose_b ? "columns (transpose_b)" : "rows", h->spec_text(a, ta),
              p->transpose_a ? " (transpose_a)" : "", h->spec_text(b, tb));
  FMP_REQUIRE(h, a->rank == 2 || b->rank == 2 || a->shape[0] == b->shape[0], FMP_ESHAPE,
              "expected b of a's batch: %s, got %s", h->spec_text(a, ta), h->spec_text(b, tb));
  return FMP_OK;
}

/* y [m,n], or [batch,m,n] if a or b has a batch. */
static fmp_status infer(const fmp_infer_args *args)
{
  const matmul_params *p = args->params;
  const fmp_spec *a = &args->in[0], *b = &args->in[1];
  fmp_spec *y = args->out;
  FMP_TRY(check_operand(args->host, "a", a));
  FMP_TRY(check_operand(args->host, "b", b));
  FMP_TRY(check_pair(args->host, p, a, b));
  *y = a->rank == 3 ? *a : *b; /* the batch, if there is one */
  y->shape[y->rank - 2] = rows_of(a, p->transpose_a);
  y->shape[y->rank - 1] = columns_of(b, p->transpose_b);
  return FMP_OK;
}

void matmul_measure(const matmul_params *p, const fmp_spec *a, const fmp_spec *b, matmul_sizes *s)
{
  s->batch = a->rank == 3 ? a->shape[0] : b->rank == 3 ? b->shape[0] : 1;
  s->m = rows_of(a, p->transpose_a);
  s->k = columns_of(a, p->transpose_a);
  s->n = columns_of(b, p->transpose_b);
  s->a_columns = a->shape[a->rank - 1];
  s->b_columns = b->shape[b->rank - 1];
  s->a_batch = a->rank == 3 ? s->m * s->k : 0;
  s->b_batch = b->rank == 3 ? s->k * s->n : 0;
}

/* -- gradient ---------------------------------------------------------------- */

static fmp_value product(const fmp_gradient_args *args, fmp_value left, int32_t transpose_left,
                         fmp_value right, int32_t transpose_right)
{
  const fmp_attr attrs[] = {fmp_attr_bool("transpose_a", transpose_left),
                            fmp_attr_bool("transpose_b", transpose_right)};
  const fmp_value in[] = {left, right};
  return args->host->emit(args->builder, "matmul", attrs, 2, in, 2);
}

/* Sums the batch away where operand i served all of it. */
static void set(const fmp_gradient_args *args, uint32_t i, fmp_value dx)
{
  const fmp_host *h = args->host;
  fmp_builder *b = args->builder;
  const fmp_value in[] = {dx, h->grad_in(b, i)};
  fmp_spec x, whole;
  h->spec(b, in[1], &x);
  h->spec(b, dx, &whole);
  h->grad_set(b, i, whole.rank == x.rank ? dx : h->emit(b, "sum_to", NULL, 0, in, 2));
}

/* d op(a) = dy op(b)^T and d op(b) = op(a)^T dy; both sides are transposed where op is:
 *   a:   da = dy op(b)^T    a^T: da = op(b) dy^T
 *   b:   db = op(a)^T dy    b^T: db = dy^T op(a) */
static fmp_status gradient(const fmp_gradient_args *args)
{
  const fmp_host *h = args->host;
  const matmul_params *p = args->params;
  const int32_t ta = p->transpose_a, tb = p->transpose_b;
  const fmp_value dy = h->grad_dout(args->builder, 0);
  const fmp_value a = h->grad_in(args->builder, 0), b = h->grad_in(args->builder, 1);
  if (h->grad_wants(args->builder, 0))
    set(args, 0, ta ? product(args, b, tb, dy, 1) : product(args, dy, 0, b, !tb));
  if (h->grad_wants(args->builder, 1))
    set(args, 1, tb ? product(args, dy, 1, a, ta) : product(args, a, !ta, dy, 0));
  return FMP_OK;
}

/* -- definitions ------------------------------------------------------------- */

static const fmp_attr_def attrs[] = {
    FMP_ATTR(matmul_params, transpose_a, FMP_ATTR_BOOL, "false", NULL, "op(a) = a^T"),
    FMP_ATTR(matmul_params, transpose_b, FMP_ATTR_BOOL, "false", NULL, "op(b) = b^T"),
};

static const fmp_op_def def = {
    .struct_size = sizeof(fmp_op_def),
    .name = "matmul",
    .schema = "(a, b) -> (y)",
    .doc = "The product of matrices.\n"
           "y = op(a) op(b): op(a) [m,k], op(b) [k,n], y [m,n], or with a batch in front\n"
           "of a, of b or of both, and then of y. k = 0 gives zeros.",
    .version = 1,
    .precision = FMP_PRECISION_LOW,
    FMP_PARAMS(matmul_params, attrs),
    .infer = infer,
    .gradient = gradient,
    .gradient_ops = "matmul sum_to",
};

fmp_status matmul_register(const fmp_host *h, fmp_registry *r);
fmp_status matmul_register(const fmp_host *h, fmp_registry *r)
{
  FMP_TRY(h->add_op(r, &def));
  FMP_TRY(matmul_add_ref(h, r));
  return matmul_add_openblas(h, r);
}
