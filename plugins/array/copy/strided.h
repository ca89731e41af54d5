/* SPDX-License-Identifier: Apache-2.0
 * One copy between two strided layouts, which copy, concat, pad and slice_back share. */
#ifndef FMP_ARRAY_STRIDED_H
#define FMP_ARRAY_STRIDED_H

#include "fmp/plugin.h"

/* [stream] A copy of `part`'s shape and type, on as many threads as the call has. Strides in
 * elements, and not negative; 0 is allowed in the source. The two places do not overlap. */
fmp_status strided_run(const fmp_call *call, const fmp_view *part, char *target,
                       const int64_t *target_strides, const char *source,
                       const int64_t *source_strides);

#endif
