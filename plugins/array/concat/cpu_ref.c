/* SPDX-License-Identifier: Apache-2.0
 * Each part is one strided copy into the whole, or out of it. */
#include "concat.h"
#include "../copy/strided.h"
#include "fmp/kit/register.h"

/* Where in the whole a part begins: `before` positions along the axis, in bytes. */
static int64_t place(const fmp_view *whole, uint32_t axis, int64_t before)
{
  return before * whole->strides[axis] * fmp_element_bytes(whole->dtype);
}

/* y[..., before + k, ...] = x[..., k, ...] of each input, `before` being what those ahead of it
 * take along the axis. */
static fmp_status concat_run(const fmp_call *call)
{
  const concat_params *p = call->params;
  const fmp_view *y = &call->out[0];
  const uint32_t axis = concat_dimension(p->axis, y->rank);
  int64_t before = 0;
  if (fmp_view_size(y) == 0) return FMP_OK;
  for (uint32_t i = 0; i < call->n_in; i++) {
    const fmp_view *x = &call->in[i];
    if (fmp_view_size(x) > 0)
      FMP_TRY(strided_run(call, x, (char *)y->data + place(y, axis, before), y->strides, x->data,
                          x->strides));
    before += x->shape[axis];
  }
  return FMP_OK;
}

/* dx[..., k, ...] = dy[..., before + k, ...] */
static fmp_status back_run(const fmp_call *call)
{
  const concat_back_params *p = call->params;
  const fmp_view *dy = &call->in[0], *dx = &call->out[0];
  const uint32_t axis = concat_dimension(p->axis, dy->rank);
  int64_t before = 0;
  if (fmp_view_size(dx) == 0) return FMP_OK;
  for (int64_t i = 0; i < p->index; i++) before += call->in[1 + i].shape[axis];
  return strided_run(call, dx, dx->data, dx->strides,
                     (const char *)dy->data + place(dy, axis, before), dy->strides);
}

static const fmp_kernel_def kernels[] = {
    {.struct_size = sizeof(fmp_kernel_def),
     .op = "concat",
     .backend = "cpu",
     .name = "ref",
     .dtypes = FMP_ANY_DTYPE,
     .flags = FMP_KERNEL_STRIDED,
     .run = concat_run},
    {.struct_size = sizeof(fmp_kernel_def),
     .op = "concat_back",
     .backend = "cpu",
     .name = "ref",
     .dtypes = FMP_ANY_DTYPE,
     .flags = FMP_KERNEL_STRIDED,
     .run = back_run},
};

fmp_status concat_add_ref(const fmp_host *h, fmp_registry *r)
{
  return FMP_ADD_KERNELS(h, r, kernels);
}
