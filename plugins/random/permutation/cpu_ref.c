/* SPDX-License-Identifier: Apache-2.0
 * Fisher and Yates' shuffle, on one thread. */
#include "permutation.h"
#include "fmp/kit/philox.h"

static fmp_status run(const fmp_call *call)
{
  const int64_t n = ((const permutation_params *)call->params)->n;
  const fmp_philox_key key = fmp_philox_key_of(call->rng->seed, call->rng->node);
  int64_t *y = call->out[0].data;
  for (int64_t i = 0; i < n; i++) y[i] = i;
  for (int64_t i = n - 1; i >= 1; i--) {
    uint32_t w[4];
    fmp_philox(key, *call->rng->step, 0, (uint32_t)(i / 2), w);
    const int64_t j = (int64_t)fmp_uniform_below(w[i % 2 * 2], w[i % 2 * 2 + 1], (uint32_t)(i + 1));
    const int64_t kept = y[i];
    y[i] = y[j];
    y[j] = kept;
  }
  return FMP_OK;
}

static const fmp_kernel_def kernel = {
    .struct_size = sizeof(fmp_kernel_def),
    .op = "permutation",
    .backend = "cpu",
    .name = "ref",
    .dtypes = FMP_BIT(FMP_I64),
    .run = run,
};

fmp_status permutation_add_ref(const fmp_host *h, fmp_registry *r)
{
  return h->add_kernel(r, &kernel);
}
