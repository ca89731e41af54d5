/* SPDX-License-Identifier: Apache-2.0
 *
 * Reference kernels of max_pool, f32, f64 and bf16 by way of f32. The inner loops run over
 * channels, side by side in memory.
 */
#include <string.h>

#include "max_pool.h"

/* Element `tap` of the window at output (i, j) as an index into x, or -1: padding. */
static int64_t tap_at(const struct pool *p, int64_t n, int64_t i, int64_t j, int64_t tap)
{
  const struct window_axis *wy = &p->window.y, *wx = &p->window.x;
  const int64_t row = window_origin(wy, i) + tap / wx->size;
  const int64_t column = window_origin(wx, j) + tap % wx->size;
  const int inside = row >= 0 && row < wy->in && column >= 0 && column < wx->in;
  return inside ? pool_x_at(p, n, row, column) : -1;
}

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

const struct pool_loops max_pool_ref = {.forward = {rows_f32, rows_f64},
                                        .back = {images_f32, images_f64}};
