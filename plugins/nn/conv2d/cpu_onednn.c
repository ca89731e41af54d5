/* SPDX-License-Identifier: Apache-2.0
 *
 * The three ops on oneDNN: "onednn" takes f32, and bf16 where the processor has instructions for
 * it; "onednn_f32" always computes in f32, and widens bf16 into scratch memory.
 *
 * A primitive runs on as many threads as OpenMP allowed when it was made. That is the number of
 * the stream, which has been entered; if it changes, everything is prepared anew.
 */
#include <stdint.h>
#include <string.h>

#include "executor.h"
#include "fmp/kit/register.h"
#include "fmp/kit/simd.h"
#include "fmp/kit/widen.h"

/* A kernel's data. */
struct way {
  int direction;
  int is_f32; /* computes in f32, whatever the operands are */
};

/* -- what oneDNN can take -------------------------------------------------- */

/* The more padding there is, the more code oneDNN generates: a million pixels of it took 3 s.
 */
enum { MOST_PADDING = 4096 };

static int32_t axis_fits(const struct window_axis *a)
{
  return a->before <= MOST_PADDING && a->after <= MOST_PADDING &&
         a->in + a->before + a->after <= INT32_MAX && a->stride <= INT32_MAX &&
         a->dilation <= INT32_MAX;
}

static fmp_status make_job(const fmp_kernel_args *args, struct conv_job *job)
{
  const struct way *way = args->data;
  const struct conv_params *params = args->params;
  const int forward = way->direction == CONV_FORWARD;
  memset(job, 0, sizeof(*job));
  job->direction = way->direction;
  job->biased = forward && args->in[CONV_BIAS].dtype != FMP_NONE;
  job->slope = forward ? params->slope : 1;
  for (int i = 0; i < CONV_OPERANDS; i++)
    job->types[i] = way->is_f32 ? (uint32_t)FMP_F32 : conv_spec(args, way->direction, i)->dtype;
  return conv_make(args->host, params, conv_spec(args, way->direction, CONV_X)->shape,
                   conv_spec(args, way->direction, CONV_W)->shape, &job->c);
}

static int32_t supports(const fmp_kernel_args *args)
{
  const struct way *way = args->data;
  struct conv_job job;
  if (!conv_counts_in_int(args, way->direction)) return 0; /* oneDNN's kernels count in int */
  if (make_job(args, &job) != FMP_OK) return 0;
  if (!axis_fits(&job.c.window.y) || !axis_fits(&job.c.window.x)) return 0;
  return executor_takes(args->host, &job);
}

/* -- state and run --------------------------------------------------------- */

static fmp_status prepare(const fmp_kernel_args *args, void **state)
{
  const fmp_host *h = args->host;
  struct conv_job job;
  FMP_TRY(make_job(args, &job));
  struct executor *e = h->alloc(sizeof(*e));
  FMP_REQUIRE(h, e != NULL, FMP_ENOMEM, "no memory for a convolution's state");
  const fmp_status status = executor_make(h, &job, e);
  if (status == FMP_OK)
    *state = e;
  else
    h->free(e);
  return status;
}

static void release(const fmp_release_args *args)
{
  executor_clear(args->state);
  args->host->free(args->state);
}

/* Bytes that the widened arrays take. */
static size_t widened_bytes(const fmp_kernel_args *args, int direction)
{
  size_t bytes = 0;
  for (int i = 0; i < CONV_OPERANDS; i++) bytes += fmp_widen_bytes(conv_spec(args, direction, i));
  return bytes + (direction == CONV_FORWARD ? fmp_widen_bytes(&args->in[CONV_BIAS]) : 0);
}

static size_t scratch(const fmp_kernel_args *args, const void *state)
{
  const struct way *way = args->data;
  return executor_scratch(state) + (way->is_f32 ? widened_bytes(args, way->direction) : 0);
}

static fmp_status run(const fmp_call *call)
{
  const int direction = ((const struct way *)call->data)->direction;
  struct operands o = {.b = direction == CONV_FORWARD ? call->in[CONV_BIAS].data : NULL};
  for (int i = 0; i < CONV_OPERANDS; i++) o.data[i] = conv_view(call, direction, i)->data;
  return executor_run(call->host, call->state, &o, call->scratch);
}

/* The cast drops a const that executors respect: they write to their output alone. */
static fmp_status widen(fmp_widened *w, const fmp_view *v, void **data)
{
  const float *wide;
  FMP_TRY(fmp_widen_in(w, v, &wide));
  *data = (void *)(uintptr_t)wide;
  return FMP_OK;
}

static fmp_status run_widened(const fmp_call *call)
{
  const int direction = ((const struct way *)call->data)->direction;
  fmp_widened w = fmp_widen_begin(call);
  struct operands o = {.b = NULL};
  void *out = NULL;
  for (int i = 0; i < CONV_OPERANDS; i++) {
    const fmp_view *v = conv_view(call, direction, i);
    if (v == call->out)
      o.data[i] = out = fmp_widen_out(&w, v);
    else
      FMP_TRY(widen(&w, v, &o.data[i]));
  }
  if (direction == CONV_FORWARD) FMP_TRY(widen(&w, &call->in[CONV_BIAS], &o.b));
  FMP_TRY(executor_run(call->host, call->state, &o, w.rest));
  return fmp_widen_end(&w, call->out, out);
}

/* -- kernels --------------------------------------------------------------- */

#define ROW(op_name, which, label, rank, types, marks, function)                            \
  {                                                                                         \
    .struct_size = sizeof(fmp_kernel_def), .op = op_name, .backend = "cpu", .name = label,  \
    .dtypes = (types), .priority = (rank), .flags = (marks),                                \
    .data = &(const struct way){which, (marks) == FMP_KERNEL_WIDENS}, .supports = supports, \
    .prepare = prepare, .release = release, .scratch = scratch, .run = function             \
  }

/* One for each direction. */
#define KERNELS(...)                                                \
  {                                                                 \
    ROW("conv2d", CONV_FORWARD, __VA_ARGS__),                       \
        ROW("conv2d_back_data", CONV_BACK_DATA, __VA_ARGS__),       \
        ROW("conv2d_back_weights", CONV_BACK_WEIGHTS, __VA_ARGS__), \
  }

#define F32  FMP_BIT(FMP_F32)
#define BF16 (F32 | FMP_BIT(FMP_BF16)) /* f32: what only gives its shape may be f32 beside bf16 */

static const fmp_kernel_def native[] = KERNELS("onednn", 100, BF16, 0, run);
static const fmp_kernel_def f32_alone[] = KERNELS("onednn", 100, F32, 0, run);
static const fmp_kernel_def widening[] =
    KERNELS("onednn_f32", 10, BF16, FMP_KERNEL_WIDENS, run_widened);

fmp_status conv2d_register_onednn(const fmp_host *h, fmp_registry *r)
{
  const int has_bf16 = fmp_simd_has(FMP_SIMD_AVX512) && onednn_has_bf16();
  FMP_TRY(has_bf16 ? FMP_ADD_KERNELS(h, r, native) : FMP_ADD_KERNELS(h, r, f32_alone));
  return FMP_ADD_KERNELS(h, r, widening);
}
