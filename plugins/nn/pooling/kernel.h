/* SPDX-License-Identifier: Apache-2.0
 *
 * kernel.h: what all kernels of max_pool and avg_pool share, references and fast ones: where
 * windows meet the image, what a job for threads holds, tables of kernels.
 *
 * Each kernel has a loop over a range of pieces for each type. Forward a piece is a row of y.
 * Backward it is an image in the references, since windows may overlap, and a row of dx in the
 * fast ones; both sum in the order of the windows on any number of threads.
 */
#ifndef FMP_NN_POOL_KERNEL_H
#define FMP_NN_POOL_KERNEL_H

#include "fmp/kit/simd.h"
#include "pool.h"

struct pool_job {
  const fmp_host *h;
  struct pool pool;
  int count_padding; /* avg_pool alone */
  void *x, *y;       /* or dx, dy */
  uint8_t *argmax;   /* max_pool alone; NULL: not wanted */
};

/* What a kernel's data points to: loops over f32, which bf16 goes through, and over f64. */
struct pool_loops {
  fmp_range_fn forward[2], back[2];
  int64_t lanes; /* of the fast ones; 0: a reference */
};

/* -- windows ------------------------------------------------------------------ */

/* Along one axis, the part of a window that lies in the image; never empty. */
struct pool_span {
  int64_t first, end; /* pixels */
  int64_t tap;        /* which tap is over the first of them */
};

static inline struct pool_span pool_span_of(const struct window_axis *a, int64_t o)
{
  const int64_t origin = window_origin(a, o), reach = origin + a->size;
  const struct pool_span s = {
      .first = origin < 0 ? 0 : origin,
      .end = reach < a->in ? reach : a->in,
      .tap = origin < 0 ? -origin : 0,
  };
  return s;
}

static inline int64_t pool_span_size(const struct pool_span *s) { return s->end - s->first; }

/* Windows [first, end) along one axis. */
struct pool_range {
  int64_t first, end;
};

/* Those that contain pixel q. */
static inline struct pool_range pool_holders(const struct window_axis *a, int64_t q)
{
  const int64_t last = q + a->before, before = last - a->size; /* origins, relative to window 0 */
  struct pool_range r = {before < 0 ? 0 : before / a->stride + 1, last / a->stride + 1};
  if (r.end > a->out) r.end = a->out;
  return r;
}

/* What the sum of a window is divided by. */
static inline int64_t pool_divisor(const struct pool_job *job, const struct pool_span *rows,
                                   const struct pool_span *columns)
{
  const struct window *w = &job->pool.window;
  return job->count_padding ? w->y.size * w->x.size
                            : pool_span_size(rows) * pool_span_size(columns);
}

/* -- as the fast loops see them ----------------------------------------------- */

/* Forward: the part of a window that lies in the image, from channel 0 on. */
struct pool_view {
  const float *x;
  float *y;
  uint8_t *argmax;
  int64_t c, pitch;   /* pitch: elements from one row of x to the next */
  int64_t tap, width; /* tap over the first pixel; width of the whole window */
  int64_t divisor;
};

/* Backward: one row of that part. */
struct pool_giver {
  float *dx; /* the first pixel */
  const float *dy;
  const uint8_t *argmax;
  int64_t c;
  int64_t tap; /* over the first pixel */
  int64_t divisor;
};

/* -- kernels ------------------------------------------------------------------ */

/* fmp_kernel_def.run: (x) -> (y, argmax?)  [stream] */
fmp_status pool_forward(const fmp_call *call);
/* (dy, argmax, x~) -> (dx) or (dy, x~) -> (dx)  [stream] */
fmp_status pool_back(const fmp_call *call);
/* fmp_kernel_def.supports, of pool_back  [any-thread] */
int32_t pool_back_fits(const fmp_kernel_args *args);
/* fmp_kernel_def.scratch  [any-thread] */
size_t pool_scratch(const fmp_kernel_args *args, const void *state);

/* f32, and bf16 by way of it. */
#define POOL_F32 (FMP_BIT(FMP_F32) | FMP_BIT(FMP_BF16))

/* The rows of a kernel table for a pooling and its gradient. argmax: the set of the argmax's type,
 * which the gradient reads; 0: there is none. */
#define POOL_ROWS(pool_op, kernel, rank, types, argmax, loops)                            \
  {.struct_size = sizeof(fmp_kernel_def),                                                 \
   .op = pool_op,                                                                         \
   .backend = "cpu",                                                                      \
   .name = (kernel),                                                                      \
   .dtypes = (types),                                                                     \
   .priority = (rank),                                                                    \
   .data = &(loops),                                                                      \
   .scratch = pool_scratch,                                                               \
   .run = pool_forward},                                                                  \
  {                                                                                       \
    .struct_size = sizeof(fmp_kernel_def), .op = pool_op "_back", .backend = "cpu",       \
    .name = (kernel), .dtypes = (types) | (argmax), .priority = (rank), .data = &(loops), \
    .supports = pool_back_fits, .scratch = pool_scratch, .run = pool_back                 \
  }

/* How many rows of a table that has the references' first, then those of each set of vector
 * instructions, are for this processor. */
static inline uint32_t pool_rows_here(void) { return 2 * (1 + fmp_simd_level()); }

#endif
