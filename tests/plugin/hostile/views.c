/* SPDX-License-Identifier: Apache-2.0
 * Ops that are views: any strides that a test asks for, and other types seen as bytes; and a kernel
 * that may work in place, which is right only if the engine keeps the promise of in-place pairs. */
#include "hostile.h"

struct view_params {
  int64_t stride, offset; /* in elements, of every dimension */
};

static fmp_status view_alias(const fmp_alias_args *a)
{
  const struct view_params *p = a->params;
  /* As numbers: the addresses may be none. */
  a->out->data = (void *)((uintptr_t)a->in->data + (uintptr_t)p->offset * sizeof(float));
  for (uint32_t i = 0; i < a->out->rank; i++) a->out->strides[i] = p->stride;
  return FMP_OK;
}

/* f32 [n] -> u8 [4n] */
static fmp_status bytes_infer(const fmp_infer_args *a)
{
  a->out[0] = a->in[0];
  a->out[0].dtype = FMP_U8;
  a->out[0].shape[0] *= (int64_t)sizeof(float);
  return FMP_OK;
}

static fmp_status bytes_alias(const fmp_alias_args *a)
{
  if (a->in->strides[0] != 1) return FMP_EUNSUPPORTED;
  a->out->strides[0] = 1;
  return FMP_OK;
}

/* u8 [4n] -> f32 [n]: the first n bytes as numbers. */
static fmp_status head_infer(const fmp_infer_args *a)
{
  a->out[0] = a->in[0];
  a->out[0].dtype = FMP_F32;
  a->out[0].shape[0] /= (int64_t)sizeof(float);
  return FMP_OK;
}

static fmp_status head_run(const fmp_call *call)
{
  const unsigned char *x = call->in[0].data;
  float *y = call->out[0].data;
  for (int64_t i = 0; i < call->out[0].shape[0]; i++) y[i] = (float)x[i];
  return FMP_OK;
}

static fmp_status load(const fmp_host *h, fmp_registry *r)
{
  static const fmp_attr_def attrs[] = {
      FMP_ATTR(struct view_params, stride, FMP_ATTR_I64, NULL, NULL, "of every dimension"),
      FMP_ATTR(struct view_params, offset, FMP_ATTR_I64, "0", NULL, "of the first element")};
  static const fmp_inplace inplace = {0, 0};
  const fmp_kernel_def kernel = {
      .struct_size = sizeof kernel,
      .op = "hostile_head",
      .backend = "cpu",
      .name = "ref",
      .dtypes = FMP_BIT(FMP_U8),
      .n_inplace = 1,
      .inplace = &inplace,
      .inplace_size = sizeof inplace,
      .run = head_run,
  };
  fmp_op_def view = plain_op("hostile_view"), bytes = plain_op("hostile_bytes"),
             head = plain_op("hostile_head");
  view.attrs = attrs;
  view.n_attr = 2;
  view.params_size = sizeof(struct view_params);
  view.alias = view_alias;
  bytes.infer = bytes_infer;
  bytes.alias = bytes_alias;
  head.infer = head_infer;
  FMP_TRY(h->add_op(r, &view));
  FMP_TRY(h->add_op(r, &bytes));
  FMP_TRY(h->add_op(r, &head));
  return h->add_kernel(r, &kernel);
}

FMP_PLUGIN("views", "1.0", "views of all kinds", load);
