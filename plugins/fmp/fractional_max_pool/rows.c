/* SPDX-License-Identifier: Apache-2.0 */
#include "rows.h"

#include "fmp/kit/loops.h"
#include "fmp/kit/simd.h"

#if FMP_SIMD_X86
#include <immintrin.h>
#endif

enum {
  GRAIN = 16384,           /* elements of x that are worth a thread's while: 64 KiB */
  STREAM_BYTES = 16 << 20, /* outputs that caches would not hold until somebody reads them */
  STREAM_ALIGN = 64,       /* bytes of the widest vector */
  FETCH_PIXEL = 128        /* bytes: smaller pixels come as well unasked */
};

struct forward_job {
  struct pooling p;
  forward_row_fn fn;
  float slope;
  int low, stream;
  const char *x;
  char *y;
  uint8_t *argmax;
};

struct back_job {
  struct pooling p;
  back_row_fn fn;
  float slope;
  int low, stream;
  char *dx;
  const char *dy, *y; /* y NULL where slope is 1 */
  const uint8_t *argmax;
};

/* Rows, of `count` to an image, that see GRAIN elements of x. */
static int64_t grain_of(const struct pooling *p, int64_t count)
{
  const int64_t elements = pooling_x_at(p, 1, 0, 0) / count;
  return GRAIN / (elements + 1) + 1;
}

static float slope_of(const fmp_call *call)
{
  return (float)((const struct pool_params *)call->params)->slope;
}

/* -- streaming ---------------------------------------------------------------- */

/* A store past the caches spares reading what it overwrites. It needs alignment, also of
 * each pixel, and pays for outputs that are gone from the caches before they are read. */
static int streams(const fmp_view *out, int64_t c)
{
  const size_t element = (size_t)fmp_element_bytes(out->dtype), pixel = (size_t)c * element;
  return (uintptr_t)out->data % STREAM_ALIGN == 0 && pixel % STREAM_ALIGN == 0 &&
         (size_t)fmp_view_size(out) * element >= STREAM_BYTES;
}

/* Such stores are ordered with nothing: other threads may read once this has returned. */
static void finish_streams(int stream)
{
#if FMP_SIMD_X86
  if (stream) _mm_sfence();
#else
  (void)stream;
#endif
}

/* -- forward ------------------------------------------------------------------ */

/* Rows of x that row i of the windows sees and row i - 1 does not. */
static int64_t fresh_rows(const struct windows *rows, int64_t i)
{
  const int64_t start = rows->start[i], end = start + rows->size[i];
  const int64_t before = i > 0 ? rows->start[i - 1] + rows->size[i - 1] : 0;
  return end - (before > start ? before : start);
}

static void forward_one(const struct forward_job *job, int64_t n, int64_t i)
{
  const struct pooling *p = &job->p;
  const int64_t bytes = element_bytes(job->low);
  const struct windows rows = axis_windows(&p->axis[0], n), columns = axis_windows(&p->axis[1], n);
  const int64_t y = pooling_y_at(p, n, i, 0);
  const struct forward_row row = {
      .x = job->x + pooling_x_at(p, n, rows.start[i], 0) * bytes,
      .y = job->y + y * bytes,
      .argmax = job->argmax != NULL ? job->argmax + y : NULL,
      .start = columns.start,
      .size = columns.size,
      .windows = p->axis[1].out,
      .c = p->c,
      .pitch = p->axis[1].in * p->c,
      .height = rows.size[i],
      .fresh = p->c * bytes >= FETCH_PIXEL ? fresh_rows(&rows, i) : 0,
      .slope = job->slope,
      .leaky = job->slope != 1,
      .low = job->low,
      .stream = job->stream,
  };
  job->fn(&row);
}

static fmp_status forward_stretch(void *arg, int64_t begin, int64_t end)
{
  const struct forward_job *job = arg;
  const int64_t height = job->p.axis[0].out;
  for (int64_t r = begin; r < end; r++) forward_one(job, r / height, r % height);
  finish_streams(job->stream);
  return FMP_OK;
}

fmp_status rows_forward(const fmp_call *call, forward_row_fn fn)
{
  struct forward_job job = {.fn = fn,
                            .slope = slope_of(call),
                            .low = call->out[0].dtype == FMP_BF16,
                            .x = call->in[FORWARD_X].data,
                            .y = call->out[0].data,
                            .argmax = call->n_out > 1 ? call->out[1].data : NULL};
  FMP_TRY(
      pooling_begin(call, &call->in[FORWARD_X], &call->in[FORWARD_ROWS], call->scratch, &job.p));
  const int64_t height = job.p.axis[0].out;
  job.stream = streams(&call->out[0], job.p.c);
  return call->host->parallel_for(call, job.p.n * height, grain_of(&job.p, height), forward_stretch,
                                  &job);
}

/* -- backward ----------------------------------------------------------------- */

static void back_one(const struct back_job *job, int64_t n, int64_t i)
{
  const struct pooling *p = &job->p;
  const int64_t bytes = element_bytes(job->low);
  const struct windows rows = axis_windows(&p->axis[0], n);
  const int64_t y = pooling_y_at(p, n, rows.first[i], 0);
  const struct back_row row = {
      .dx = job->dx + pooling_x_at(p, n, i, 0) * bytes,
      .dy = job->dy + y * bytes,
      .y = job->y != NULL ? job->y + y * bytes : NULL,
      .argmax = job->argmax + y,
      .row_start = rows.start + rows.first[i],
      .columns = axis_windows(&p->axis[1], n),
      .pixels = p->axis[1].in,
      .c = p->c,
      .pitch = p->axis[1].out * p->c,
      .row = i,
      .rows = rows.count[i],
      .slope = job->slope,
      .low = job->low,
      .stream = job->stream,
  };
  job->fn(&row);
}

static fmp_status back_stretch(void *arg, int64_t begin, int64_t end)
{
  const struct back_job *job = arg;
  const int64_t height = job->p.axis[0].in;
  for (int64_t r = begin; r < end; r++) back_one(job, r / height, r % height);
  finish_streams(job->stream);
  return FMP_OK;
}

fmp_status rows_back(const fmp_call *call, back_row_fn fn)
{
  struct back_job job = {.fn = fn,
                         .slope = slope_of(call),
                         .low = call->out[0].dtype == FMP_BF16,
                         .dx = call->out[0].data,
                         .dy = call->in[BACK_DY].data,
                         .y = call->in[BACK_Y].data,
                         .argmax = call->in[BACK_ARGMAX].data};
  FMP_TRY(pooling_begin(call, &call->in[BACK_X], &call->in[BACK_ROWS], call->scratch, &job.p));
  const int64_t height = job.p.axis[0].in;
  job.stream = streams(&call->out[0], job.p.c);
  return call->host->parallel_for(call, job.p.n * height, grain_of(&job.p, height), back_stretch,
                                  &job);
}

/* -- registration ------------------------------------------------------------- */

size_t pool_scratch_forward(const fmp_kernel_args *args, const void *state)
{
  (void)state;
  return pooling_scratch(&args->in[FORWARD_X], &args->out[0], &args->in[FORWARD_ROWS]);
}

size_t pool_scratch_back(const fmp_kernel_args *args, const void *state)
{
  (void)state;
  return pooling_scratch(&args->in[BACK_X], &args->in[BACK_DY], &args->in[BACK_ROWS]);
}

fmp_status rows_add(const fmp_host *h, fmp_registry *r, const char *name, int32_t priority,
                    fmp_status (*forward)(const fmp_call *), fmp_status (*back)(const fmp_call *))
{
  fmp_kernel_def def = {
      .struct_size = sizeof(def),
      .op = "fractional_max_pool",
      .backend = "cpu",
      .name = name,
      .dtypes = FMP_BIT(FMP_F32) | FMP_BIT(FMP_BF16) | FMP_BIT(FMP_I32),
      .priority = priority,
      .scratch = pool_scratch_forward,
      .run = forward,
  };
  FMP_TRY(h->add_kernel(r, &def));
  def.op = "fractional_max_pool_back";
  def.dtypes |= FMP_BIT(FMP_U8); /* argmax */
  def.scratch = pool_scratch_back;
  def.run = back;
  return h->add_kernel(r, &def);
}
