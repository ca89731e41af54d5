/* SPDX-License-Identifier: Apache-2.0
 * An op whose infer answers nonsense: attribute `how` says which. */
#include "hostile.h"

struct params {
  int64_t how;
};

typedef fmp_status (*spoil_fn)(const fmp_host *h, fmp_spec *y);

static fmp_status nothing(const fmp_host *h, fmp_spec *y)
{
  (void)h, (void)y;
  return FMP_OK;
}
static fmp_status negative(const fmp_host *h, fmp_spec *y)
{
  y->shape[0] = -1;
  return nothing(h, y);
}
/* 2^32 * 2^32 elements: their product overflows. */
static fmp_status too_many(const fmp_host *h, fmp_spec *y)
{
  y->rank = 2;
  y->shape[0] = y->shape[1] = INT64_C(1) << 32;
  return nothing(h, y);
}
/* The elements can be counted, their bytes cannot. */
static fmp_status too_many_bytes(const fmp_host *h, fmp_spec *y)
{
  y->shape[0] = INT64_MAX / 2;
  return nothing(h, y);
}
/* 2^31 * 2^31 * 4 = 2^64 elements: a product that wraps around to 0. */
static fmp_status wraps_to_zero(const fmp_host *h, fmp_spec *y)
{
  y->rank = 3;
  y->shape[0] = y->shape[1] = INT64_C(1) << 31;
  y->shape[2] = 4;
  return nothing(h, y);
}
static fmp_status rank_9(const fmp_host *h, fmp_spec *y)
{
  y->rank = FMP_MAX_RANK + 1;
  return nothing(h, y);
}
static fmp_status rank_huge(const fmp_host *h, fmp_spec *y)
{
  y->rank = UINT32_MAX;
  return nothing(h, y);
}
static fmp_status dtype_unknown(const fmp_host *h, fmp_spec *y)
{
  y->dtype = 99;
  return nothing(h, y);
}
/* y is not optional, so it cannot be absent. */
static fmp_status absent(const fmp_host *h, fmp_spec *y)
{
  y->dtype = FMP_NONE;
  return nothing(h, y);
}
static fmp_status without_text(const fmp_host *h, fmp_spec *y)
{
  (void)h, (void)y;
  return FMP_ESHAPE;
}
static fmp_status unknown_status(const fmp_host *h, fmp_spec *y)
{
  (void)h, (void)y;
  return 4711;
}
static fmp_status negative_status(const fmp_host *h, fmp_spec *y)
{
  (void)h, (void)y;
  return -1;
}

static const spoil_fn spoil[] = {
    nothing,   negative,      too_many, too_many_bytes, wraps_to_zero,  rank_9,
    rank_huge, dtype_unknown, absent,   without_text,   unknown_status, negative_status,
};

static fmp_status infer(const fmp_infer_args *a)
{
  const struct params *p = a->params;
  FMP_TRY(same_spec(a));
  return spoil[p->how](a->host, &a->out[0]);
}

static fmp_status run(const fmp_call *call)
{
  (void)call;
  return FMP_OK;
}

static fmp_status load(const fmp_host *h, fmp_registry *r)
{
  static const fmp_attr_def attrs[] = {
      FMP_ATTR(struct params, how, FMP_ATTR_I64, NULL, "[0,11]", "which nonsense; 0: none")};
  const fmp_kernel_def kernel = {
      .struct_size = sizeof kernel,
      .op = "hostile_absurd",
      .backend = "cpu",
      .name = "ref",
      .dtypes = FMP_ANY_DTYPE,
      .run = run,
  };
  fmp_op_def def = plain_op("hostile_absurd");
  def.attrs = attrs;
  def.n_attr = 1;
  def.params_size = sizeof(struct params);
  def.infer = infer;
  FMP_TRY(h->add_op(r, &def));
  return h->add_kernel(r, &kernel);
}

FMP_PLUGIN("absurd", "1.0", "shapes that cannot be", load);
