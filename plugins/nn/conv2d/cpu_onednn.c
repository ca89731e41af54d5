/* SPDX-License-Identifier: Apache-2.0
 *
 * The three ops on oneDNN, f32.
 *
 * A primitive runs on the number of threads that it was made with. prepare() makes a
 * second one for one thread, for streams that are serial (measured: under 1 ms more).
 */
#include <stdint.h>
#include <string.h>

#include "executor.h"

/* From the OpenMP runtime that oneDNN is linked with, GNU's, whichever compiler this is;
 * its <omp.h> may be missing or another's. */
extern int omp_get_max_threads(void);
extern void omp_set_num_threads(int threads);

struct state {
  struct executor wide, serial; /* serial.convolution NULL: wide is serial */
};

/* -- what oneDNN can take -------------------------------------------------- */

/* oneDNN counts in int within its kernels. */
static int32_t fits(const fmp_spec *s)
{
  int64_t size = 1;
  for (uint32_t i = 0; i < s->rank; i++) {
    if (s->shape[i] < 1 || s->shape[i] > INT32_MAX / size) return 0;
    size *= s->shape[i];
  }
  return 1;
}

static int32_t axis_fits(const struct window_axis *a)
{
  return a->in + a->before + a->after <= INT32_MAX && a->stride <= INT32_MAX &&
         a->dilation <= INT32_MAX;
}

static fmp_status geometry(const fmp_host *h, const fmp_kernel_args *args, int direction,
                           struct conv *c)
{
  return conv_make(h, args->params, conv_spec(args, direction, CONV_X)->shape,
                   conv_spec(args, direction, CONV_W)->shape, c);
}

static int32_t supports(const fmp_host *h, const fmp_kernel_args *args, int direction)
{
  struct conv c = {0};
  for (int i = 0; i < CONV_OPERANDS; i++)
    if (!fits(conv_spec(args, direction, i))) return 0;
  if (geometry(h, args, direction, &c) != FMP_OK) return 0;
  return axis_fits(&c.window.y) && axis_fits(&c.window.x);
}

/* -- state and run --------------------------------------------------------- */

/* The second executor, for the calling thread alone. */
static fmp_status make_serial(const fmp_host *h, int direction, const struct conv *c, int biased,
                              double slope, struct state *s)
{
  const int threads = omp_get_max_threads();
  if (threads == 1) return FMP_OK;
  omp_set_num_threads(1);
  const fmp_status status = executor_make(h, direction, c, biased, slope, &s->serial);
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

static fmp_status prepare(const fmp_host *h, const fmp_kernel_args *args, int direction,
                          void **state)
{
  const int biased = direction == CONV_FORWARD && args->in[CONV_BIAS].dtype != FMP_NONE;
  const struct conv_params *params = args->params;
  const double slope = direction == CONV_FORWARD ? params->slope : 1;
  struct conv c = {0};
  FMP_TRY(geometry(h, args, direction, &c));
  struct state *s = h->alloc(sizeof(*s));
  FMP_REQUIRE(h, s != NULL, FMP_ENOMEM, "no memory for a convolution's state");
  memset(s, 0, sizeof(*s));
  fmp_status status = executor_make(h, direction, &c, biased, slope, &s->wide);
  if (status == FMP_OK) status = make_serial(h, direction, &c, biased, slope, s);
  if (status == FMP_OK)
    *state = s;
  else
    release(h, s);
  return status;
}

static size_t scratch(const fmp_kernel_args *args, const void *state)
{
  const struct state *s = state;
  const size_t wide = executor_scratch(&s->wide), serial = executor_scratch(&s->serial);
  (void)args;
  return wide > serial ? wide : serial;
}

static fmp_status run(const fmp_call *call)
{
  const struct state *s = call->state;
  const int direction = s->wide.direction;
  const int serial = s->serial.convolution != NULL && omp_get_max_threads() == 1;
  struct operands o = {.b = direction == CONV_FORWARD ? call->in[CONV_BIAS].data : NULL};
  for (int i = 0; i < CONV_OPERANDS; i++) o.data[i] = conv_view(call, direction, i)->data;
  return executor_run(call->host, serial ? &s->serial : &s->wide, &o, call->scratch);
}

/* -- one set for each direction -------------------------------------------- */

static int32_t forward_supports(const fmp_host *h, const fmp_kernel_args *args)
{
  return supports(h, args, CONV_FORWARD);
}

static int32_t back_data_supports(const fmp_host *h, const fmp_kernel_args *args)
{
  return supports(h, args, CONV_BACK_DATA);
}

static int32_t back_weights_supports(const fmp_host *h, const fmp_kernel_args *args)
{
  return supports(h, args, CONV_BACK_WEIGHTS);
}

static fmp_status forward_prepare(const fmp_host *h, const fmp_kernel_args *args, void **state)
{
  return prepare(h, args, CONV_FORWARD, state);
}

static fmp_status back_data_prepare(const fmp_host *h, const fmp_kernel_args *args, void **state)
{
  return prepare(h, args, CONV_BACK_DATA, state);
}

static fmp_status back_weights_prepare(const fmp_host *h, const fmp_kernel_args *args, void **state)
{
  return prepare(h, args, CONV_BACK_WEIGHTS, state);
}

static const fmp_kernel_def kernels[CONV_DIRECTIONS] = {
    [CONV_FORWARD] = {.supports = forward_supports, .prepare = forward_prepare},
    [CONV_BACK_DATA] = {.supports = back_data_supports, .prepare = back_data_prepare},
    [CONV_BACK_WEIGHTS] = {.supports = back_weights_supports, .prepare = back_weights_prepare},
};

fmp_status conv2d_register_onednn(const fmp_host *h, fmp_registry *r)
{
  for (int i = 0; i < CONV_DIRECTIONS; i++) {
    fmp_kernel_def def = kernels[i];
    def.struct_size = sizeof(def);
    def.op = conv_ops[i];
    def.backend = "cpu";
    def.name = "onednn";
    def.dtypes = FMP_BIT(FMP_F32);
    def.priority = 100;
    def.release = release;
    def.scratch = scratch;
    def.run = run;
    FMP_TRY(h->add_kernel(r, &def));
  }
  return FMP_OK;
}
