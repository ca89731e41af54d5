/* SPDX-License-Identifier: Apache-2.0
 * pad: the value everywhere, then x copied into the middle. */
#include "pad.h"
#include "../copy/strided.h"
#include "../fill/fill.h"

/* y[before + i] = x[i] in each dimension; the value elsewhere. */
static fmp_status run(const fmp_call *call)
{
  const pad_params *p = call->params;
  const fmp_view *x = &call->in[0], *y = &call->out[0];
  int64_t offset = 0;
  FMP_TRY(fill_value(call, y, p->value));
  if (fmp_view_size(x) == 0) return FMP_OK;
  for (uint32_t i = 0; i < x->rank; i++) offset += array_item(p->before, i, 0) * y->strides[i];
  char *middle = (char *)y->data + offset * fmp_element_bytes(y->dtype);
  return strided_run(call, x, middle, y->strides, x->data, x->strides);
}

static const fmp_kernel_def kernel = {
    .struct_size = sizeof(fmp_kernel_def),
    .op = "pad",
    .backend = "cpu",
    .name = "ref",
    .dtypes = FMP_ANY_DTYPE,
    .flags = FMP_KERNEL_STRIDED,
    .run = run,
};

fmp_status pad_add_ref(const fmp_host *h, fmp_registry *r) { return h->add_kernel(r, &kernel); }
