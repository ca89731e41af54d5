/* SPDX-License-Identifier: Apache-2.0
 * What the files of this plugin share. */
#ifndef SDK_H
#define SDK_H

#include "fmp/plugin.h"
#include "fmp/kit/check.h"
#include "fmp/kit/register.h"

/* The params struct of an op with no attribute but a resource. */
struct counter_params {
  fmp_resource *counter;
};

fmp_status cube_register(const fmp_host *h, fmp_registry *r);
fmp_status smooth_register(const fmp_host *h, fmp_registry *r);
fmp_status noise_register(const fmp_host *h, fmp_registry *r);
fmp_status counter_register(const fmp_host *h, fmp_registry *r);
fmp_status rewrite_register(const fmp_host *h, fmp_registry *r);
fmp_status lists_register(const fmp_host *h, fmp_registry *r);
fmp_status loop_register(const fmp_host *h, fmp_registry *r);
fmp_status source_register(const fmp_host *h, fmp_registry *r);
fmp_status increment_register(const fmp_host *h, fmp_registry *r);

/* y has x's spec: the infer function of most ops here. */
static inline fmp_status infer_like_x(const fmp_infer_args *args)
{
  const uint64_t floats = FMP_BIT(FMP_F32) | FMP_BIT(FMP_F64);
  FMP_TRY(fmp_check_dtype(args->host, "x", &args->in[0], floats, "f32 or f64"));
  args->out[0] = args->in[0];
  return FMP_OK;
}

#endif
