/* SPDX-License-Identifier: Apache-2.0
 *
 * The entry, and an op by which tests see what the device has done: far_counts(device = 0) gives
 * the counts of far.h, i64 [FAR_COUNTS], and those of a device that was not opened are 0. */
#include "far.h"

struct counts_params {
  int64_t device;
};

static const fmp_attr_def counts_attrs[] = {
    FMP_ATTR(struct counts_params, device, FMP_ATTR_I64, "0", "[0,8)", "which device"),
};

static fmp_status counts_infer(const fmp_infer_args *a)
{
  a->out[0] = (fmp_spec){.dtype = FMP_I64, .rank = 1, .shape = {FAR_COUNTS}};
  return FMP_OK;
}

static fmp_status counts_run(const fmp_call *call)
{
  const struct counts_params *p = call->params;
  far_device *d = far_device_at((int32_t)p->device);
  int64_t *y = call->out[0].data;
  for (int i = 0; i < FAR_COUNTS; i++) y[i] = d ? atomic_load(&d->counts[i]) : 0;
  return FMP_OK;
}

static const fmp_op_def counts = {.struct_size = sizeof(fmp_op_def),
                                  .name = "far_counts",
                                  .schema = "() -> (y)",
                                  .doc = "What a far device has done.",
                                  .version = 1,
                                  .flags = FMP_OP_EFFECT | FMP_OP_HOST,
                                  FMP_PARAMS(struct counts_params, counts_attrs),
                                  .infer = counts_infer};

static const fmp_kernel_def counts_kernel = {.struct_size = sizeof(fmp_kernel_def),
                                             .op = "far_counts",
                                             .backend = "cpu",
                                             .name = "ref",
                                             .dtypes = FMP_BIT(FMP_I64),
                                             .run = counts_run};

static fmp_status load(const fmp_host *h, fmp_registry *r)
{
  far_lend(h);
  FMP_TRY(far_add_kernels(r));
  FMP_TRY(far_add_backend(r));
  FMP_TRY(h->add_op(r, &counts));
  return h->add_kernel(r, &counts_kernel);
}

FMP_PLUGIN("far", "1.0", "a device out of the host's reach", load);
