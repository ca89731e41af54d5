/* SPDX-License-Identifier: Apache-2.0
 *
 * permutation: 0 ... n-1 in random order, each order as likely as any other. */
#include "permutation.h"

static fmp_status infer(const fmp_infer_args *args)
{
  const permutation_params *p = args->params;
  FMP_REQUIRE(args->host, p->n <= (int64_t)UINT32_MAX, FMP_EINVAL,
              "expected n up to %lld, got %lld", (long long)UINT32_MAX, (long long)p->n);
  args->out->dtype = FMP_I64;
  args->out->rank = 1;
  args->out->shape[0] = p->n;
  return FMP_OK;
}

static const fmp_attr_def attrs[] = {
    FMP_ATTR(permutation_params, n, FMP_ATTR_I64, NULL, "[0,)", "how many; less than 2^32"),
};

static const fmp_op_def def = {
    .struct_size = sizeof(fmp_op_def),
    .name = "permutation",
    .schema = "() -> (y)",
    .doc = "The numbers 0 to n - 1 in random order.\n"
           "y [n] i64. Fisher and Yates' shuffle: for i = n-1 ... 1 swap y[i] and y[j],\n"
           "j in [0, i] from 64 random bits, words 2(i % 2) and 2(i % 2) + 1 of block i / 2.",
    .version = 1,
    .flags = FMP_OP_RANDOM,
    FMP_PARAMS(permutation_params, attrs),
    .infer = infer,
};

fmp_status permutation_register(const fmp_host *h, fmp_registry *r);
fmp_status permutation_register(const fmp_host *h, fmp_registry *r)
{
  FMP_TRY(h->add_op(r, &def));
  return permutation_add_ref(h, r);
}
