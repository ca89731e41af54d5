/* SPDX-License-Identifier: Apache-2.0
 *
 * Gradients of the elementwise ops. What broadcasting repeated is summed again:
 * a [n,c] + b [c] gives db = sum_to(dy, b). Where a formula can use the output in place
 * of an input it does, so that fewer values are kept. */
#include "elementwise.h"
#include "fmp/kit/check.h"

static fmp_value emit1(const fmp_host *h, fmp_builder *b, const char *op, fmp_value x)
{
  return h->emit(b, op, NULL, 0, &x, 1);
}

static fmp_value emit2(const fmp_host *h, fmp_builder *b, const char *op, fmp_value x, fmp_value y)
{
  const fmp_value in[] = {x, y};
  return h->emit(b, op, NULL, 0, in, 2);
}

/* Input i gets dx, summed to its shape if the two differ. */
static void set(const fmp_host *h, fmp_builder *b, uint32_t i, fmp_value dx)
{
  const fmp_value x = h->grad_in(b, i);
  fmp_spec have = {0}, want = {0};
  h->spec(b, dx, &have);
  h->spec(b, x, &want);
  h->grad_set(b, i, fmp_same_shape(&have, &want) ? dx : emit2(h, b, "sum_to", dx, x));
}

/* -- binary ---------------------------------------------------------------- */

fmp_status elementwise_grad_add(const fmp_host *h, fmp_builder *b, const void *params)
{
  (void)params;
  const fmp_value dy = h->grad_dout(b, 0);
  if (h->grad_wants(b, 0)) set(h, b, 0, dy);
  if (h->grad_wants(b, 1)) set(h, b, 1, dy);
  return FMP_OK;
}

fmp_status elementwise_grad_sub(const fmp_host *h, fmp_builder *b, const void *params)
{
  (void)params;
  const fmp_value dy = h->grad_dout(b, 0);
  if (h->grad_wants(b, 0)) set(h, b, 0, dy);
  if (h->grad_wants(b, 1)) set(h, b, 1, emit1(h, b, "neg", dy));
  return FMP_OK;
}

fmp_status elementwise_grad_mul(const fmp_host *h, fmp_builder *b, const void *params)
{
  (void)params;
  const fmp_value dy = h->grad_dout(b, 0);
  if (h->grad_wants(b, 0)) set(h, b, 0, emit2(h, b, "mul", dy, h->grad_in(b, 1)));
  if (h->grad_wants(b, 1)) set(h, b, 1, emit2(h, b, "mul", dy, h->grad_in(b, 0)));
  return FMP_OK;
}

/* da = dy / b, db = -dy y / b. */
fmp_status elementwise_grad_div(const fmp_host *h, fmp_builder *b, const void *params)
{
  (void)params;
  const fmp_value dy = h->grad_dout(b, 0), by = h->grad_in(b, 1);
  if (h->grad_wants(b, 0)) set(h, b, 0, emit2(h, b, "div", dy, by));
  if (h->grad_wants(b, 1)) {
    const fmp_value product = emit2(h, b, "mul", dy, h->grad_out(b, 0));
    set(h, b, 1, emit1(h, b, "neg", emit2(h, b, "div", product, by)));
  }
  return FMP_OK;
}

/* Each slope is computed only if it is wanted: log(a), which is NaN for a negative base,
 * never comes near the gradient of the base. */
fmp_status elementwise_grad_pow(const fmp_host *h, fmp_builder *b, const void *params)
{
  static const char *const slopes[] = {"pow_base_slope", "pow_exponent_slope"};
  (void)params;
  for (uint32_t i = 0; i < 2; i++) {
    if (!h->grad_wants(b, i)) continue;
    const fmp_value slope = emit2(h, b, slopes[i], h->grad_in(b, 0), h->grad_in(b, 1));
    set(h, b, i, emit2(h, b, "mul", h->grad_dout(b, 0), slope));
  }
  return FMP_OK;
}

/* `second` compares a with b: 1 where b was chosen. */
static fmp_status grad_choice(const fmp_host *h, fmp_builder *b, const char *second)
{
  const fmp_value dy = h->grad_dout(b, 0);
  const fmp_value chosen = emit2(h, b, second, h->grad_in(b, 0), h->grad_in(b, 1));
  if (h->grad_wants(b, 0)) set(h, b, 0, emit2(h, b, "drop_if", chosen, dy));
  if (h->grad_wants(b, 1)) set(h, b, 1, emit2(h, b, "keep_if", chosen, dy));
  return FMP_OK;
}

fmp_status elementwise_grad_maximum(const fmp_host *h, fmp_builder *b, const void *params)
{
  (void)params;
  return grad_choice(h, b, "less");
}

fmp_status elementwise_grad_minimum(const fmp_host *h, fmp_builder *b, const void *params)
{
  (void)params;
  return grad_choice(h, b, "greater");
}

/* -- unary ----------------------------------------------------------------- */

fmp_status elementwise_grad_neg(const fmp_host *h, fmp_builder *b, const void *params)
{
  (void)params;
  if (h->grad_wants(b, 0)) h->grad_set(b, 0, emit1(h, b, "neg", h->grad_dout(b, 0)));
  return FMP_OK;
}

/* dx = dy y */
fmp_status elementwise_grad_exp(const fmp_host *h, fmp_builder *b, const void *params)
{
  (void)params;
  if (h->grad_wants(b, 0))
    h->grad_set(b, 0, emit2(h, b, "mul", h->grad_dout(b, 0), h->grad_out(b, 0)));
  return FMP_OK;
}

/* dx = dy / x */
fmp_status elementwise_grad_log(const fmp_host *h, fmp_builder *b, const void *params)
{
  (void)params;
  if (h->grad_wants(b, 0))
    h->grad_set(b, 0, emit2(h, b, "div", h->grad_dout(b, 0), h->grad_in(b, 0)));
  return FMP_OK;
}

/* dx = dy / (2 y) */
fmp_status elementwise_grad_sqrt(const fmp_host *h, fmp_builder *b, const void *params)
{
  (void)params;
  if (!h->grad_wants(b, 0)) return FMP_OK;
  const fmp_value y = h->grad_out(b, 0);
  h->grad_set(b, 0, emit2(h, b, "div", h->grad_dout(b, 0), emit2(h, b, "add", y, y)));
  return FMP_OK;
}

/* dx = dy sign(x) */
fmp_status elementwise_grad_abs(const fmp_host *h, fmp_builder *b, const void *params)
{
  (void)params;
  if (!h->grad_wants(b, 0)) return FMP_OK;
  const fmp_value sign = emit1(h, b, "sign", h->grad_in(b, 0));
  h->grad_set(b, 0, emit2(h, b, "mul", h->grad_dout(b, 0), sign));
  return FMP_OK;
}

/* dx = 0: what the condition not_equal(dy, dy), true for NaN alone, keeps of dy is zero
 * everywhere else, infinite dy included. */
fmp_status elementwise_grad_sign(const fmp_host *h, fmp_builder *b, const void *params)
{
  (void)params;
  if (!h->grad_wants(b, 0)) return FMP_OK;
  const fmp_value dy = h->grad_dout(b, 0);
  h->grad_set(b, 0, emit2(h, b, "keep_if", emit2(h, b, "not_equal", dy, dy), dy));
  return FMP_OK;
}

/* dx = dy 2 x */
fmp_status elementwise_grad_square(const fmp_host *h, fmp_builder *b, const void *params)
{
  (void)params;
  if (!h->grad_wants(b, 0)) return FMP_OK;
  const fmp_value x = h->grad_in(b, 0);
  h->grad_set(b, 0, emit2(h, b, "mul", h->grad_dout(b, 0), emit2(h, b, "add", x, x)));
  return FMP_OK;
}

/* -- choices --------------------------------------------------------------- */

fmp_status elementwise_grad_where(const fmp_host *h, fmp_builder *b, const void *params)
{
  (void)params;
  const fmp_value dy = h->grad_dout(b, 0), cond = h->grad_in(b, 0);
  if (h->grad_wants(b, 1)) set(h, b, 1, emit2(h, b, "keep_if", cond, dy));
  if (h->grad_wants(b, 2)) set(h, b, 2, emit2(h, b, "drop_if", cond, dy));
  return FMP_OK;
}

/* What was kept passes dy on, what was not gets zero: the op itself, on dy. */
static fmp_status grad_mask(const fmp_host *h, fmp_builder *b, const char *op)
{
  if (h->grad_wants(b, 1)) set(h, b, 1, emit2(h, b, op, h->grad_in(b, 0), h->grad_dout(b, 0)));
  return FMP_OK;
}

fmp_status elementwise_grad_keep_if(const fmp_host *h, fmp_builder *b, const void *params)
{
  (void)params;
  return grad_mask(h, b, "keep_if");
}

fmp_status elementwise_grad_drop_if(const fmp_host *h, fmp_builder *b, const void *params)
{
  (void)params;
  return grad_mask(h, b, "drop_if");
}
