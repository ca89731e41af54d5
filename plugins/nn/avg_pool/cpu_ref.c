/* SPDX-License-Identifier: Apache-2.0
 *
 * Reference kernels of avg_pool, f32, f64 and bf16 by way of f32. The inner loops run over
 * channels, side by side in memory.
 */
#include <string.h>

#include "avg_pool.h"

#define REAL       float
#define NAME(stem) stem##_f32
#include "loops.inc"
#undef REAL
#undef NAME

#define REAL       double
#define NAME(stem) stem##_f64
#include "loops.inc"
#undef REAL
#undef NAME

const struct pool_loops avg_pool_ref = {.forward = {rows_f32, rows_f64},
                                        .back = {images_f32, images_f64}};
