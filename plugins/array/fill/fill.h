/* SPDX-License-Identifier: Apache-2.0
 * What the definitions and kernels of fill and fill_like share; and filling a view, as
 * pad and slice_back do too. */
#ifndef FMP_ARRAY_FILL_H
#define FMP_ARRAY_FILL_H

#include "../array.h"

typedef struct fill_params {
  fmp_list shape;
  double value;
  uint32_t dtype;
} fill_params;

typedef struct fill_like_params {
  double value;
} fill_like_params;

/* [stream] Every element of y := value, converted as cast converts. y is contiguous. */
fmp_status fill_value(const fmp_call *call, const fmp_view *y, double value);
fmp_status fill_zero(const fmp_call *call, const fmp_view *y);

fmp_status fill_add_ref(const fmp_host *h, fmp_registry *r);

#endif
