/* SPDX-License-Identifier: Apache-2.0
 * Kernels of conv2d and its gradients in the transformed domain: see winograd.h. */
#include "winograd.h"

#include <string.h>

/* From the OpenMP runtime that the cpu backend uses: the parts of a run are made for the
 * threads that the preparing thread may use. */
extern int omp_get_max_threads(void);

static const struct winograd_isa *the_isa; /* the best that the processor has; NULL: none */

/* -- geometry -------------------------------------------------------------- */

/* By data dx is read where dy and its padding of zeros is; a kernel of 2 wants 1 before. */
static struct winograd_axis axis_of(const struct window_axis *a, int direction)
{
  if (direction == CONV_BACK_DATA)
    return (struct winograd_axis){.in = a->out, .out = a->in, .before = 1 - a->before};
  return (struct winograd_axis){.in = a->in, .out = a->out, .before = a->before};
}

static fmp_status geometry(const fmp_host *h, const fmp_kernel_args *args, int direction,
                           struct conv *c, struct winograd *w)
{
  const struct conv_params *params = args->params;
  const int back = direction == CONV_BACK_DATA;
  FMP_TRY(conv_make(h, params, conv_spec(args, direction, CONV_X)->shape,
                    conv_spec(args, direction, CONV_W)->shape, c));
  memset(w, 0, sizeof *w);
  w->direction = direction;
  w->n = c->n;
  w->parts = omp_get_max_threads();
  w->from = back ? c->oc : c->ic;
  w->to = back ? c->ic : c->oc;
  w->y = axis_of(&c->window.y, direction);
  w->x = axis_of(&c->window.x, direction);
  w->slope = direction == CONV_FORWARD ? params->slope : 1;
  return FMP_OK;
}

/* -- what it takes --------------------------------------------------------- */

static int axis_fits(const struct window_axis *a)
{
  return a->size == 2 && a->stride == 1 && a->dilation == 1;
}

static int is_2x2(const struct conv *c)
{
  return c->groups == 1 && axis_fits(&c->window.y) && axis_fits(&c->window.x);
}

static int32_t supports(const fmp_host *h, const fmp_kernel_args *args, int direction, int shape)
{
  const struct conv_params *params = args->params;
  struct conv c = {0};
  struct winograd w;
  if (!conv_counts_in_int(args, direction)) return 0; /* so no size below overflows */
  if (geometry(h, args, direction, &c, &w) != FMP_OK || !is_2x2(&c)) return 0;
  return winograd_choose(&w, the_isa, params->winograd, shape) != NULL;
}

/* -- state and run --------------------------------------------------------- */

static fmp_status prepare(const fmp_host *h, const fmp_kernel_args *args, int direction, int shape,
                          void **state)
{
  const struct conv_params *params = args->params;
  struct conv c = {0};
  struct winograd made;
  FMP_TRY(geometry(h, args, direction, &c, &made));
  struct winograd *w = h->alloc(sizeof *w);
  FMP_REQUIRE(h, w != NULL, FMP_ENOMEM, "no memory for a convolution's state");
  const struct winograd_shape *tile = winograd_choose(&made, the_isa, params->winograd, shape);
  /* There may be more threads now than when supports() was asked, on which none is exact. */
  if (tile == NULL) tile = &winograd_shapes[WINOGRAD_PLAINEST];
  winograd_set_tile(&made, the_isa, tile);
  *w = made;
  *state = w;
  return FMP_OK;
}

static void release(const fmp_host *h, void *state) { h->free(state); }

static size_t scratch(const fmp_kernel_args *args, const void *state)
{
  const struct winograd *w = state;
  (void)args;
  return (size_t)(w->weights_size + w->parts * w->part_size) * sizeof(float);
}

/* Such stores want whole vectors at their own addresses. */
static int past_cache(const struct winograd *w, const void *y)
{
  const size_t vector = (size_t)the_isa->lanes * sizeof(float);
  const int64_t size = w->n * w->y.out * w->x.out * w->to;
  return size >= the_isa->stream_from && w->to % the_isa->lanes == 0 && (uintptr_t)y % vector == 0;
}

static struct winograd_job job_of(const fmp_call *call)
{
  const struct winograd *w = call->state;
  const int by_weights = w->direction == CONV_BACK_WEIGHTS;
  const int64_t from = w->direction == CONV_BACK_DATA ? CONV_Y : CONV_X;
  return (struct winograd_job){
      .w = w,
      .x = conv_view(call, w->direction, (int)from)->data,
      .weights = conv_view(call, w->direction, by_weights ? CONV_Y : CONV_W)->data,
      .b = w->direction == CONV_FORWARD ? call->in[CONV_BIAS].data : NULL,
      .y = call->out[0].data,
      .scratch = call->scratch,
      .past_cache = past_cache(w, call->out[0].data),
  };
}

static fmp_status run(const fmp_call *call)
{
  const struct winograd *w = call->state;
  struct winograd_job job = job_of(call);
  const int64_t panels = w->to_pad / (2 * the_isa->lanes);
  FMP_TRY(call->host->parallel_for(call, panels, 1, the_isa->transform_weights, &job));
  return call->host->parallel_for(call, w->parts, 1, the_isa->run_parts, &job);
}

static fmp_status run_by_weights(const fmp_call *call)
{
  const struct winograd *w = call->state;
  struct winograd_job job = job_of(call);
  const int64_t panels = w->to_pad / (2 * the_isa->lanes);
  FMP_TRY(call->host->parallel_for(call, w->parts, 1, the_isa->sum_parts, &job));
  return call->host->parallel_for(call, panels, 1, the_isa->finish_weights, &job);
}

/* -- one set for each direction and shape ---------------------------------- */

/* Chosen by priority is the one that estimates what is fastest; those of a fixed shape are
 * there to be forced, and for fmp_autotune to choose from. In the order of winograd_shapes. */
static const struct {
  const char *name;
  int32_t priority;
} variants[WINOGRAD_SHAPES + 1] = {
    {"winograd_f1", 10}, {"winograd_f2", 10},   {"winograd_f3", 10}, {"winograd_f4", 10},
    {"winograd_f5", 10}, {"winograd_f3x1", 10}, {"winograd", 200},
};

#define VARIANT(name, direction, shape)                                                    \
  static int32_t name##_supports_##shape(const fmp_host *h, const fmp_kernel_args *args)   \
  {                                                                                        \
    return supports(h, args, direction, shape);                                            \
  }                                                                                        \
  static fmp_status name##_prepare_##shape(const fmp_host *h, const fmp_kernel_args *args, \
                                           void **state)                                   \
  {                                                                                        \
    return prepare(h, args, direction, shape, state);                                      \
  }

#define VARIANTS(name, direction) \
  VARIANT(name, direction, 0)     \
  VARIANT(name, direction, 1)     \
  VARIANT(name, direction, 2)     \
  VARIANT(name, direction, 3)     \
  VARIANT(name, direction, 4)     \
  VARIANT(name, direction, 5)     \
  VARIANT(name, direction, 6)

VARIANTS(forward, CONV_FORWARD)
VARIANTS(back_data, CONV_BACK_DATA)
VARIANTS(back_weights, CONV_BACK_WEIGHTS)

#define KERNEL(name, shape, run_fn)                                                         \
  {                                                                                         \
    .supports = name##_supports_##shape, .prepare = name##_prepare_##shape, .run = (run_fn) \
  }

#define KERNELS(name, run_fn)                                                      \
  {                                                                                \
    KERNEL(name, 0, run_fn), KERNEL(name, 1, run_fn), KERNEL(name, 2, run_fn),     \
        KERNEL(name, 3, run_fn), KERNEL(name, 4, run_fn), KERNEL(name, 5, run_fn), \
        KERNEL(name, 6, run_fn)                                                    \
  }

static const fmp_kernel_def kernels[CONV_DIRECTIONS][WINOGRAD_SHAPES + 1] = {
    [CONV_FORWARD] = KERNELS(forward, run),
    [CONV_BACK_DATA] = KERNELS(back_data, run),
    [CONV_BACK_WEIGHTS] = KERNELS(back_weights, run_by_weights),
};

static fmp_status add(const fmp_host *h, fmp_registry *r, int direction, int shape)
{
  fmp_kernel_def def = kernels[direction][shape];
  def.struct_size = sizeof(def);
  def.op = conv_ops[direction];
  def.backend = "cpu";
  def.name = variants[shape].name;
  def.dtypes = FMP_BIT(FMP_F32);
  def.priority = variants[shape].priority;
  def.release = release;
  def.scratch = scratch;
  return h->add_kernel(r, &def);
}

fmp_status winograd_register(const fmp_host *h, fmp_registry *r);

fmp_status winograd_register(const fmp_host *h, fmp_registry *r)
{
  the_isa = winograd_avx512() ? winograd_avx512() : winograd_avx2();
  if (the_isa == NULL) return FMP_OK;
  for (int direction = 0; direction < CONV_DIRECTIONS; direction++)
    for (int shape = 0; shape <= WINOGRAD_SHAPES; shape++) FMP_TRY(add(h, r, direction, shape));
  return FMP_OK;
}
