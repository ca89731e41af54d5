/* SPDX-License-Identifier: Apache-2.0
 *
 * The three ops on oneDNN: "onednn" takes f32, and bf16 where the processor computes in it;
 * "onednn_f32" computes in f32 whatever it is given, and so bf16 elsewhere, widened into
 * scratch memory.
 *
 * A primitive runs on the number of threads that it was made with. prepare() makes a
 * second one for one thread, for streams that are serial (measured: under 1 ms more).
 */
#include <stdint.h>
#include <string.h>

#include "executor.h"
#include "fmp/kit/simd.h"
#include "fmp/kit/widen.h"

/* From the OpenMP runtime that oneDNN is linked with, GNU's, whichever compiler this is;
 * its <omp.h> may be missing or another's. */
extern int omp_get_max_threads(void);
extern void omp_set_num_threads(int threads);

struct state {
  struct executor wide, serial; /* serial.convolution NULL: wide is serial */
  int is_f32;                   /* whatever the operands are */
};

/* -- what oneDNN can take -------------------------------------------------- */

/* The more padding there is, the longer the code that it generates: 3 s for a million pixels of it.
 */
enum { MOST_PADDING = 4096 };

static int32_t axis_fits(const struct window_axis *a)
{
  return a->before <= MOST_PADDING && a->after <= MOST_PADDING &&
         a->in + a->before + a->after <= INT32_MAX && a->stride <= INT32_MAX &&
         a->dilation <= INT32_MAX;
}

/* is_f32: bf16 is widened. */
static fmp_status make_job(const fmp_host *h, const fmp_kernel_args *args, int direction,
                           int is_f32, struct conv_job *job)
{
  memset(job, 0, sizeof(*job));
  job->direction = direction;
  job->biased = direction == CONV_FORWARD && args->in[CONV_BIAS].dtype != FMP_NONE;
  job->slope = direction == CONV_FORWARD ? ((const struct conv_params *)args->params)->slope : 1;
  for (int i = 0; i < CONV_OPERANDS; i++)
    job->types[i] = is_f32 ? (uint32_t)FMP_F32 : conv_spec(args, direction, i)->dtype;
  return conv_make(h, args->params, conv_spec(args, direction, CONV_X)->shape,
                   conv_spec(args, direction, CONV_W)->shape, &job->c);
}

/* The same for prepare()'s second primitive, which may be another implementation's. */
static int serial_takes(const fmp_host *h, const struct conv_job *job)
{
  const int threads = omp_get_max_threads();
  if (threads == 1) return 1;
  omp_set_num_threads(1);
  const int takes = executor_takes(h, job);
  omp_set_num_threads(threads);
  return takes;
}

static int32_t supports(const fmp_host *h, const fmp_kernel_args *args, int direction, int is_f32)
{
  struct conv_job job;
  if (!conv_counts_in_int(args, direction)) return 0; /* as oneDNN's kernels do */
  if (make_job(h, args, direction, is_f32, &job) != FMP_OK) return 0;
  if (!axis_fits(&job.c.window.y) || !axis_fits(&job.c.window.x)) return 0;
  return executor_takes(h, &job) && serial_takes(h, &job);
}

/* -- state and run --------------------------------------------------------- */

/* The second executor, for the calling thread alone. */
static fmp_status make_serial(const fmp_host *h, const struct conv_job *job, struct state *s)
{
  const int threads = omp_get_max_threads();
  if (threads == 1) return FMP_OK;
  omp_set_num_threads(1);
  const fmp_status status = executor_make(h, job, &s->serial);
  omp_set_num_threads(threads);
  return status;
}

static void release(const fmp_host *h, void *state)
{
  struct state *s = state;
  executor_clear(&s->serial);
  executor_clear(&s->wide);
  h->free(s);
}

static fmp_status prepare(const fmp_host *h, const fmp_kernel_args *args, int direction, int is_f32,
                          void **state)
{
  struct conv_job job;
  FMP_TRY(make_job(h, args, direction, is_f32, &job));
  struct state *s = h->alloc(sizeof(*s));
  FMP_REQUIRE(h, s != NULL, FMP_ENOMEM, "no memory for a convolution's state");
  memset(s, 0, sizeof(*s));
  s->is_f32 = is_f32;
  fmp_status status = executor_make(h, &job, &s->wide);
  if (status == FMP_OK) status = make_serial(h, &job, s);
  if (status == FMP_OK)
    *state = s;
  else
    release(h, s);
  return status;
}

/* Bytes of what is widened. */
static size_t widened_bytes(const fmp_kernel_args *args, int direction)
{
  size_t bytes = 0;
  for (int i = 0; i < CONV_OPERANDS; i++) bytes += fmp_widen_bytes(conv_spec(args, direction, i));
  return bytes + (direction == CONV_FORWARD ? fmp_widen_bytes(&args->in[CONV_BIAS]) : 0);
}

static size_t scratch(const fmp_kernel_args *args, const void *state)
{
  const struct state *s = state;
  const size_t wide = executor_scratch(&s->wide), serial = executor_scratch(&s->serial);
  const size_t widened = s->is_f32 ? widened_bytes(args, s->wide.direction) : 0;
  return widened + (wide > serial ? wide : serial);
}

static fmp_status execute(const fmp_call *call, const struct operands *o, void *scratch_left)
{
  const struct state *s = call->state;
  const int serial = s->serial.convolution != NULL && omp_get_max_threads() == 1;
  return executor_run(call->host, serial ? &s->serial : &s->wide, o, scratch_left);
}

static fmp_status run(const fmp_call *call)
{
  const struct state *s = call->state;
  const int direction = s->wide.direction;
  struct operands o = {.b = direction == CONV_FORWARD ? call->in[CONV_BIAS].data : NULL};
  for (int i = 0; i < CONV_OPERANDS; i++) o.data[i] = conv_view(call, direction, i)->data;
  return execute(call, &o, call->scratch);
}

/* What is only read stays so: executors write to their output alone. */
static fmp_status widen(fmp_widened *w, const fmp_view *v, void **data)
{
  const float *wide;
  FMP_TRY(fmp_widen_in(w, v, &wide));
  *data = (void *)(uintptr_t)wide;
  return FMP_OK;
}

static fmp_status run_widened(const fmp_call *call)
{
  const struct state *s = call->state;
  const int direction = s->wide.direction;
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
  FMP_TRY(execute(call, &o, w.rest));
  return fmp_widen_end(&w, call->out, out);
}

/* -- one set for each direction, and each way to take bf16 ------------------ */

#define SET(name, direction, is_f32)                                                             \
  static int32_t name##_supports(const fmp_host *h, const fmp_kernel_args *args)                 \
  {                                                                                              \
    return supports(h, args, direction, is_f32);                                                 \
  }                                                                                              \
  static fmp_status name##_prepare(const fmp_host *h, const fmp_kernel_args *args, void **state) \
  {                                                                                              \
    return prepare(h, args, direction, is_f32, state);                                           \
  }

SET(forward, CONV_FORWARD, 0)
SET(back_data, CONV_BACK_DATA, 0)
SET(back_weights, CONV_BACK_WEIGHTS, 0)
SET(forward_widened, CONV_FORWARD, 1)
SET(back_data_widened, CONV_BACK_DATA, 1)
SET(back_weights_widened, CONV_BACK_WEIGHTS, 1)

#define ROW(direction, rank, label, set, function)                                                \
  {                                                                                               \
    .struct_size = sizeof(fmp_kernel_def), .op = direction, .backend = "cpu", .name = (label),    \
    .priority = (rank), .supports = set##_supports, .prepare = set##_prepare, .release = release, \
    .scratch = scratch, .run = (function)                                                         \
  }

static const fmp_kernel_def kernels[] = {
    ROW("conv2d", 100, "onednn", forward, run),
    ROW("conv2d_back_data", 100, "onednn", back_data, run),
    ROW("conv2d_back_weights", 100, "onednn", back_weights, run),
    ROW("conv2d", 10, "onednn_f32", forward_widened, run_widened),
    ROW("conv2d_back_data", 10, "onednn_f32", back_data_widened, run_widened),
    ROW("conv2d_back_weights", 10, "onednn_f32", back_weights_widened, run_widened),
};

/* f32 goes with bf16 as what lends its shape. */
fmp_status conv2d_register_onednn(const fmp_host *h, fmp_registry *r)
{
  const int native = fmp_simd_has(FMP_SIMD_AVX512) && onednn_has_bf16();
  for (size_t i = 0; i < sizeof(kernels) / sizeof(kernels[0]); i++) {
    fmp_kernel_def def = kernels[i];
    def.dtypes = FMP_BIT(FMP_F32);
    if (native || def.run == run_widened) def.dtypes |= FMP_BIT(FMP_BF16);
    if (def.run == run_widened) def.flags = FMP_KERNEL_WIDENS;
    FMP_TRY(h->add_kernel(r, &def));
  }
  return FMP_OK;
}
