/* SPDX-License-Identifier: Apache-2.0 */
#include "rows.h"

#include "fmp/kit/loops.h"
#include "fmp/kit/register.h"
#include "fmp/kit/simd.h"

#if FMP_SIMD_X86
#include <immintrin.h>
#endif

enum {
  GRAIN = 16384,           /* elements of x that are worth a thread's while: 64 KiB */
  STREAM_BYTES = 16 << 20, /* outputs that would leave the caches before they are read */
  STREAM_ALIGN = 64,       /* bytes of the widest vector */
  FETCH_PIXEL = 128        /* bytes: the processor prefetches smaller pixels well enough */
};

struct forward_job {
  struct pooling p;
  const struct row_functions *set;
  float slope;
  int low, stream;
  const char *x;
  char *y;
  uint8_t *argmax;
};

struct back_job {
  struct pooling p;
  const struct row_functions *set;
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

/* A store past the caches saves reading what it overwrites. It needs alignment, of each pixel
 * too, and pays off for outputs that would leave the caches before they are read. */
static int streams(const fmp_view *out, int64_t c)
{
  const size_t element = (size_t)fmp_element_bytes(out->dtype), pixel = (size_t)c * element;
  return (uintptr_t)out->data % STREAM_ALIGN == 0 && pixel % STREAM_ALIGN == 0 &&
         (size_t)fmp_view_size(out) * element >= STREAM_BYTES;
}

/* Such stores are not ordered with others: only after this may other threads read them. */
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
  job->set->forward(&row);
}

static fmp_status forward_stretch(const fmp_range *r)
{
  const struct forward_job *job = r->arg;
  const int64_t height = job->p.axis[0].out;
  for (int64_t i = r->begin; i < r->end; i++) forward_one(job, i / height, i % height);
  finish_streams(job->stream);
  return FMP_OK;
}

static fmp_status run(const fmp_call *call)
{
  struct forward_job job = {.set = call->data,
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
  job->set->back(&row);
}

static fmp_status back_stretch(const fmp_range *r)
{
  const struct back_job *job = r->arg;
  const int64_t height = job->p.axis[0].in;
  for (int64_t i = r->begin; i < r->end; i++) back_one(job, i / height, i % height);
  finish_streams(job->stream);
  return FMP_OK;
}

static fmp_status run_back(const fmp_call *call)
{
  struct back_job job = {.set = call->data,
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

#define KERNEL(set, rank)                                                                    \
  .struct_size = sizeof(fmp_kernel_def), .backend = "cpu", .name = #set, .priority = (rank), \
  .data = &rows_##set
#define DTYPES (FMP_BIT(FMP_F32) | FMP_BIT(FMP_BF16) | FMP_BIT(FMP_I32))
#define FORWARD \
  .op = "fractional_max_pool", .dtypes = DTYPES, .scratch = pool_scratch_forward, .run = run
#define BACK                                                            \
  .op = "fractional_max_pool_back", .dtypes = DTYPES | FMP_BIT(FMP_U8), \
  .scratch = pool_scratch_back, .run = run_back

/* Both directions, set by set. */
static const fmp_kernel_def kernels[] = {
    {KERNEL(plain, 100), FORWARD},  {KERNEL(plain, 100), BACK},
#if FMP_SIMD_X86
    {KERNEL(avx2, 101), FORWARD},   {KERNEL(avx2, 101), BACK},
    {KERNEL(avx512, 102), FORWARD}, {KERNEL(avx512, 102), BACK},
#endif
};

fmp_status pool_add_rows(const fmp_host *h, fmp_registry *r)
{
  return fmp_add_kernels(h, r, kernels, 2 * (1 + fmp_simd_level()));
}
