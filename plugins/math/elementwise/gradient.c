/* SPDX-License-Identifier: Apache-2.0
 *
 * Gradients of the elementwise ops. What broadcasting repeated is summed up:
 * a [n,c] + b [c] gives db = sum_to(dy, b). Where a formula can use the output in place
 * of an input it does, so that fewer values are kept. */
#include "elementwise.h"
#include "fmp/kit/check.h"

static fmp_value emit1(const fmp_gradient_args *args, const char *op, fmp_value x)
{
  return args->host->emit(args->builder, op, NULL, 0, &x, 1);
}

static fmp_value emit2(const fmp_gradient_args *args, const char *op, fmp_value x, fmp_value y)
{
  const fmp_value in[] = {x, y};
  return args->host->emit(args->builder, op, NULL, 0, in, 2);
}

static int wants(const fmp_gradient_args *args, uint32_t i)
{
  return args->host->grad_wants(args->builder, i);
}

static fmp_value input(const fmp_gradient_args *args, uint32_t i)
{
  return args->host->grad_in(args->builder, i);
}

static fmp_value output(const fmp_gradient_args *args)
{
  return args->host->grad_out(args->builder, 0);
}

static fmp_value dout(const fmp_gradient_args *args)
{
  return args->host->grad_dout(args->builder, 0);
}

/* Input i gets dx, summed to its shape if the two differ. */
static void set(const fmp_gradient_args *args, uint32_t i, fmp_value dx)
{
  const fmp_value x = input(args, i);
  fmp_spec have = {0}, want = {0};
  args->host->spec(args->builder, dx, &have);
  args->host->spec(args->builder, x, &want);
  if (!fmp_same_shape(&have, &want)) dx = emit2(args, "sum_to", dx, x);
  args->host->grad_set(args->builder, i, dx);
}

/* -- binary ---------------------------------------------------------------- */

fmp_status elementwise_grad_add(const fmp_gradient_args *args)
{
  if (wants(args, 0)) set(args, 0, dout(args));
  if (wants(args, 1)) set(args, 1, dout(args));
  return FMP_OK;
}

fmp_status elementwise_grad_sub(const fmp_gradient_args *args)
{
  if (wants(args, 0)) set(args, 0, dout(args));
  if (wants(args, 1)) set(args, 1, emit1(args, "neg", dout(args)));
  return FMP_OK;
}

fmp_status elementwise_grad_mul(const fmp_gradient_args *args)
{
  if (wants(args, 0)) set(args, 0, emit2(args, "mul", dout(args), input(args, 1)));
  if (wants(args, 1)) set(args, 1, emit2(args, "mul", dout(args), input(args, 0)));
  return FMP_OK;
}

/* da = dy / b, db = -dy y / b. */
fmp_status elementwise_grad_div(const fmp_gradient_args *args)
{
  const fmp_value by = input(args, 1);
  if (wants(args, 0)) set(args, 0, emit2(args, "div", dout(args), by));
  if (wants(args, 1)) {
    const fmp_value product = emit2(args, "mul", dout(args), output(args));
    set(args, 1, emit1(args, "neg", emit2(args, "div", product, by)));
  }
  return FMP_OK;
}

/* Each slope is computed only if it is wanted: log(a), which is NaN for a negative base,
 * never comes near the gradient of the base. */
fmp_status elementwise_grad_pow(const fmp_gradient_args *args)
{
  static const char *const slopes[] = {"pow_base_slope", "pow_exponent_slope"};
  for (uint32_t i = 0; i < 2; i++) {
    if (!wants(args, i)) continue;
    const fmp_value slope = emit2(args, slopes[i], input(args, 0), input(args, 1));
    set(args, i, emit2(args, "mul", dout(args), slope));
  }
  return FMP_OK;
}

fmp_status elementwise_grad_choice(const fmp_gradient_args *args)
{
  const elementwise_op *op = args->data;
  const fmp_value chosen = emit2(args, op->second, input(args, 0), input(args, 1));
  if (wants(args, 0)) set(args, 0, emit2(args, "drop_if", chosen, dout(args)));
  if (wants(args, 1)) set(args, 1, emit2(args, "keep_if", chosen, dout(args)));
  return FMP_OK;
}

/* -- unary ----------------------------------------------------------------- */

fmp_status elementwise_grad_neg(const fmp_gradient_args *args)
{
  set(args, 0, emit1(args, "neg", dout(args)));
  return FMP_OK;
}

fmp_status elementwise_grad_slope(const fmp_gradient_args *args)
{
  const elementwise_op *op = args->data;
  const fmp_value v = op->of_output ? output(args) : input(args, 0), twice[] = {v, v};
  const fmp_value s =
      op->of ? args->host->emit(args->builder, op->of, NULL, 0, twice, op->n_of) : v;
  set(args, 0, emit2(args, op->by, dout(args), s));
  return FMP_OK;
}

/* dx = 0, also for infinite dy: keeps dy where not_equal(dy, dy), which is true for NaN alone,
 * and is zero everywhere else. */
fmp_status elementwise_grad_sign(const fmp_gradient_args *args)
{
  const fmp_value dy = dout(args);
  set(args, 0, emit2(args, "keep_if", emit2(args, "not_equal", dy, dy), dy));
  return FMP_OK;
}

/* -- choices --------------------------------------------------------------- */

fmp_status elementwise_grad_where(const fmp_gradient_args *args)
{
  const fmp_value condition = input(args, 0);
  if (wants(args, 1)) set(args, 1, emit2(args, "keep_if", condition, dout(args)));
  if (wants(args, 2)) set(args, 2, emit2(args, "drop_if", condition, dout(args)));
  return FMP_OK;
}

/* Elements that were kept pass dy on, the others get zero: the op itself, applied to dy. */
fmp_status elementwise_grad_mask(const fmp_gradient_args *args)
{
  set(args, 1, emit2(args, args->host->op_name(args->op), input(args, 0), dout(args)));
  return FMP_OK;
}
