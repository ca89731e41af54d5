/* SPDX-License-Identifier: Apache-2.0
 * slice_back: zeros, then dy copied into its box. */
#include "slice.h"
#include "../copy/strided.h"
#include "../fill/fill.h"

/* dx[start + i * step] = dy[i] in each dimension; zero elsewhere. */
static fmp_status back_run(const fmp_call *call)
{
  const slice_params *p = call->params;
  const fmp_view *dy = &call->in[0], *dx = &call->out[0];
  int64_t offset = 0, strides[FMP_MAX_RANK];
  FMP_TRY(fill_zero(call, dx));
  if (fmp_view_size(dy) == 0) return FMP_OK;
  for (uint32_t i = 0; i < dy->rank; i++) {
    offset += array_item(p->start, i, 0) * dx->strides[i];
    /* of one element the stride is never used, and a hostile step would overflow */
    strides[i] = dy->shape[i] > 1 ? array_item(p->step, i, 1) * dx->strides[i] : 1;
  }
  char *first = (char *)dx->data + offset * fmp_element_bytes(dx->dtype);
  return strided_run(call, dy, first, strides, dy->data, dy->strides);
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
