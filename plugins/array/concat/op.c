/* SPDX-License-Identifier: Apache-2.0
 *
 * concat: tensors one after another along one dimension.
 * concat_back: the part of dy that belongs to input number `index`. It sees the specs of
 * all inputs, so no size is fixed when it is emitted and the batch stays open, even if
 * the batch is what is joined. */
#include "concat.h"
#include "fmp/kit/attr.h"
#include "fmp/kit/register.h"

/* -- shape inference -------------------------------------------------------- */

/* A part may differ from the first in its size along the axis, and in nothing else. */
static fmp_status check_part(const fmp_host *h, const fmp_spec *first, const fmp_spec *x,
                             uint32_t number, uint32_t axis)
{
  char text[FMP_SPEC_TEXT], other[FMP_SPEC_TEXT];
  int same = x->dtype == first->dtype && x->rank == first->rank;
  for (uint32_t i = 0; same && i < x->rank; i++) same = i == axis || x->shape[i] == first->shape[i];
  FMP_REQUIRE(h, same, x->dtype == first->dtype ? FMP_ESHAPE : FMP_EDTYPE,
              "expected input %d to be %s like the first, except in axis %d, got %s",
              (int)number + 1, h->spec_text(first, other), (int)axis + 1, h->spec_text(x, text));
  return FMP_OK;
}

/* The spec of xs[0..n) joined. */
static fmp_status join(const fmp_host *h, int64_t number, const fmp_spec *xs, uint32_t n,
                       fmp_spec *whole)
{
  uint32_t axis = 0;
  FMP_TRY(array_axis(h, number, xs[0].rank, &axis));
  *whole = xs[0];
  for (uint32_t i = 1; i < n; i++) {
    int64_t *size = &whole->shape[axis];
    FMP_TRY(check_part(h, &xs[0], &xs[i], i, axis));
    FMP_REQUIRE(h, !__builtin_add_overflow(*size, xs[i].shape[axis], size), FMP_ESHAPE,
                "expected at most 2^63 - 1 in axis %d, got more", (int)axis + 1);
  }
  return FMP_OK;
}

static fmp_status concat_infer(const fmp_infer_args *args)
{
  const concat_params *p = args->params;
  return join(args->host, p->axis, args->in, args->n_in, args->out);
}

static fmp_status back_infer(const fmp_infer_args *args)
{
  const fmp_host *h = args->host;
  const concat_back_params *p = args->params;
  const fmp_spec *dy = &args->in[0], *xs = &args->in[1];
  const uint32_t n = args->n_in - 1;
  fmp_spec whole;
  FMP_REQUIRE(h, p->index < (int64_t)n, FMP_EINVAL, "expected index 0 to %d, got %lld", (int)n - 1,
              (long long)p->index);
  FMP_TRY(join(h, p->axis, xs, n, &whole));
  FMP_TRY(fmp_check_same_shape(h, "the concatenation", &whole, "dy", dy));
  *args->out = xs[p->index];
  args->out->dtype = dy->dtype;
  return FMP_OK;
}

/* -- gradients ---------------------------------------------------------------- */

/* Each emission has the same inputs; only the index tells which part it is to cut out. */
static void emit_back(const fmp_gradient_args *args, uint32_t i, const fmp_value *in, uint32_t n_in)
{
  const fmp_host *h = args->host;
  const concat_params *p = args->params;
  const fmp_attr attrs[] = {fmp_attr_i64("axis", p->axis), fmp_attr_i64("index", i)};
  if (h->grad_wants(args->builder, i))
    h->grad_set(args->builder, i, h->emit(args->builder, "concat_back", attrs, 2, in, n_in));
}

static fmp_status concat_gradient(const fmp_gradient_args *args)
{
  const fmp_host *h = args->host;
  fmp_builder *b = args->builder;
  const uint32_t n = h->grad_inputs(b);
  fmp_value *in = h->alloc((n + 1) * sizeof *in); /* dy, then all inputs */
  FMP_REQUIRE(h, in != NULL, FMP_ENOMEM, "out of memory: a list of %d values", (int)n + 1);
  in[0] = h->grad_dout(b, 0);
  for (uint32_t i = 0; i < n; i++) in[i + 1] = h->grad_in(b, i);
  for (uint32_t i = 0; i < n; i++) emit_back(args, i, in, n + 1);
  h->free(in);
  return FMP_OK;
}

/* The gradient among zeros for the other parts, joined. */
static fmp_status back_gradient(const fmp_gradient_args *args)
{
  const fmp_host *h = args->host;
  fmp_builder *b = args->builder;
  const concat_back_params *p = args->params;
  const fmp_attr zero[] = {fmp_attr_f64("value", 0)}, axis[] = {fmp_attr_i64("axis", p->axis)};
  const uint32_t n = h->grad_inputs(b) - 1;
  fmp_value *parts = h->alloc(n * sizeof *parts);
  FMP_REQUIRE(h, parts != NULL, FMP_ENOMEM, "out of memory: a list of %d values", (int)n);
  for (uint32_t i = 0; i < n; i++) {
    const fmp_value like = h->grad_in(b, i + 1);
    parts[i] =
        (int64_t)i == p->index ? h->grad_dout(b, 0) : h->emit(b, "fill_like", zero, 1, &like, 1);
  }
  h->grad_set(b, 0, h->emit(b, "concat", axis, 1, parts, n));
  h->free(parts);
  return FMP_OK;
}

/* -- definitions ------------------------------------------------------------- */

static const fmp_attr_def concat_attrs[] = {
    FMP_ATTR(concat_params, axis, FMP_ATTR_I64, NULL, "[-8,8]",
             "the dimension that grows, from 1; -1 is the last"),
};

static const fmp_attr_def back_attrs[] = {
    FMP_ATTR(concat_back_params, axis, FMP_ATTR_I64, NULL, "[-8,8]", "concat's axis"),
    FMP_ATTR(concat_back_params, index, FMP_ATTR_I64, NULL, "[0,)", "which input, from 0"),
};

static const fmp_op_def defs[] = {
    {.struct_size = sizeof(fmp_op_def),
     .name = "concat",
     .schema = "(xs...) -> (y)",
     .doc = "Tensors one after another along one dimension.\n"
            "All have the same type and, except in that dimension, the same sizes.",
     .version = 1,
     FMP_PARAMS(concat_params, concat_attrs),
     .infer = concat_infer,
     .gradient = concat_gradient,
     .gradient_ops = "concat_back"},
    {.struct_size = sizeof(fmp_op_def),
     .name = "concat_back",
     .schema = "(dy, xs~...) -> (dx)",
     .doc = "The gradient of concat: the part of dy that input number `index` became.\n"
            "dx has that input's shape and dy's type.",
     .version = 1,
     FMP_PARAMS(concat_back_params, back_attrs),
     .infer = back_infer,
     .gradient = back_gradient,
     .gradient_ops = "concat fill_like"},
};

fmp_status concat_register(const fmp_host *h, fmp_registry *r);
fmp_status concat_register(const fmp_host *h, fmp_registry *r)
{
  FMP_TRY(FMP_ADD_OPS(h, r, defs));
  return concat_add_ref(h, r);
}
