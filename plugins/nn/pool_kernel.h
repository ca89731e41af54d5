/* SPDX-License-Identifier: Apache-2.0
 *
 * pool_kernel.h: what the kernels of max_pool and avg_pool share, the references' and the fast
 * ones': where windows meet the image, a call made into a job for threads, registration.
 *
 * Each kernel brings a loop over a range of pieces for each type. Forward a piece is a row of y.
 * Backward it is an image for the references, since windows may overlap, and a row of dx for
 * the fast ones; both sum in the windows' order on any number of threads.
 */
#ifndef FMP_NN_POOL_KERNEL_H
#define FMP_NN_POOL_KERNEL_H

#include "fmp/kit/widen.h"
#include "pool.h"

struct pool_job {
  const fmp_host *h;
  struct pool pool;
  int count_padding; /* avg_pool alone */
  void *x, *y;       /* or dx, dy */
  uint8_t *argmax;   /* max_pool alone; NULL: nobody asks */
};

struct pool_loops {
  fmp_range_fn f32, f64; /* bf16 goes through f32 */
  int by_row;            /* backward: a piece is a row of dx */
};

/* -- windows ------------------------------------------------------------------ */

/* Along one axis, the part of a window that lies in the image; never empty. */
struct pool_span {
  int64_t first, end; /* pixels */
  int64_t tap;        /* over the first of them */
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

/* Those that hold pixel q. */
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

/* Forward: the part in the image of a window, from channel 0 on. */
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

/* -- calls -------------------------------------------------------------------- */

/* (x) -> (y, argmax?) */
static inline fmp_status pool_forward(const fmp_call *call, const struct pool_loops *loops)
{
  const struct pool_params *params = call->params;
  fmp_widened w = fmp_widen_begin(call);
  const float *x;
  FMP_TRY(fmp_widen_in(&w, &call->in[0], &x));
  struct pool_job job = {.h = call->host,
                         .count_padding = params->count_padding,
                         .x = (void *)(uintptr_t)x, /* read only */
                         .y = fmp_widen_out(&w, &call->out[0]),
                         .argmax = call->n_out > 1 ? call->out[1].data : NULL};
  const fmp_range_fn body = call->in[0].dtype == FMP_F64 ? loops->f64 : loops->f32;
  FMP_TRY(pool_make(call->host, params, call->in[0].shape, &job.pool));
  const int64_t rows = job.pool.n * job.pool.window.y.out;
  const int64_t grain = window_grain(pool_row_operations(&job.pool));
  FMP_TRY(call->host->parallel_for(call, rows, grain, body, &job));
  return fmp_widen_end(&w, &call->out[0], job.y);
}

/* (dy, argmax, x~) -> (dx) or (dy, x~) -> (dx) */
static inline fmp_status pool_back(const fmp_call *call, const struct pool_loops *loops)
{
  const struct pool_params *params = call->params;
  fmp_widened w = fmp_widen_begin(call);
  const float *dy;
  FMP_TRY(fmp_widen_in(&w, &call->in[0], &dy));
  struct pool_job job = {.h = call->host,
                         .count_padding = params->count_padding,
                         .x = fmp_widen_out(&w, &call->out[0]),
                         .y = (void *)(uintptr_t)dy, /* read only */
                         .argmax = call->n_in > 2 ? call->in[1].data : NULL};
  const fmp_range_fn body = call->out[0].dtype == FMP_F64 ? loops->f64 : loops->f32;
  FMP_TRY(pool_make(call->host, params, call->out[0].shape, &job.pool));
  const int64_t pieces = loops->by_row ? job.pool.window.y.in : 1; /* of an image */
  const double image = (double)job.pool.window.y.out * pool_row_operations(&job.pool);
  const int64_t grain = window_grain(image / (double)pieces);
  FMP_TRY(call->host->parallel_for(call, job.pool.n * pieces, grain, body, &job));
  return fmp_widen_end(&w, &call->out[0], job.x);
}

/* -- registration ------------------------------------------------------------- */

/* Of input 0 and output 0; argmax is bytes, and of x~ only the shape is read. */
static inline size_t pool_scratch(const fmp_kernel_args *args, const void *state)
{
  (void)state;
  return fmp_widen_bytes(&args->in[0]) + fmp_widen_bytes(&args->out[0]);
}

/* A kernel of the op and one of its gradient: op, name, dtypes, priority, supports and run are
 * given, and the rest is all kernels'. */
static inline fmp_status pool_add(const fmp_host *h, fmp_registry *r, const fmp_kernel_def given[2])
{
  for (int i = 0; i < 2; i++) {
    fmp_kernel_def def = given[i];
    def.struct_size = sizeof(def);
    def.backend = "cpu";
    def.scratch = pool_scratch;
    FMP_TRY(h->add_kernel(r, &def));
  }
  return FMP_OK;
}

#endif
