/* SPDX-License-Identifier: Apache-2.0
 * slice_back: zeros, then dy copied into its box. */
#include "slice.h"
#include "../copy/strided.h"
#include "../fill/fill.h"

static fmp_status back_run(const fmp_call *call)
{
  const slice_params *p = call->params;
  const fmp_view *dy = &call->in[0], *dx = &call->out[0];
  const int64_t element = (int64_t)array_dtype_size(dx->dtype);
  strided_copy c = {.target = dx->data, .source = dy->data};
  FMP_TRY(fill_zero(call, dx));
  if (fmp_view_size(dy) == 0) return FMP_OK;
  strided_shape(&c, dy);
  for (uint32_t i = 0; i < dy->rank; i++) {
    c.target += array_item(p->start, i, 0) * dx->strides[i] * element;
    c.target_strides[i] = dy->shape[i] > 1 ? array_item(p->step, i, 1) * dx->strides[i] : 1;
    c.source_strides[i] = dy->strides[i];
  }
  return strided_run(call, &c);
}

static const fmp_kernel_def kernel = {
    .struct_size = sizeof(fmp_kernel_def),
    .op = "slice_back",
    .backend = "cpu",
    .name = "ref",
    .dtypes = FMP_ANY_DTYPE,
    .flags = FMP_KERNEL_STRIDED,
    .run = back_run,
};

fmp_status slice_add_ref(const fmp_host *h, fmp_registry *r) { return h->add_kernel(r, &kernel); }
