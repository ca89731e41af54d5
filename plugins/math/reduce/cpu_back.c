/* SPDX-License-Identifier: Apache-2.0
 *
 * Kernels of the ops that gradients emit: mean_back and extreme_back. Plain loops over
 * outputs of the reduction that do not depend on each other. Elements are stored as S and
 * computed in T: load and store convert. */
#include "reduce.h"
#include "fmp/kit/check.h"
#include "fmp/kit/half.h"
#include "fmp/kit/register.h"

#define AS_IS(x) (x)

/* -- mean_back: y = dy / count --------------------------------------------- */

typedef struct division {
  const void *dy;
  void *y;
  double count;
} division;

#define DIVIDE(name, S, T, load, store)                                         \
  static fmp_status name(const fmp_range *r)                                    \
  {                                                                             \
    const division *d = r->arg;                                                 \
    const int64_t end = r->end;                                                 \
    const S *dy = d->dy;                                                        \
    S *y = d->y;                                                                \
    const T count = (T)d->count;                                                \
    FMP_LOOP_INDEPENDENT                                                        \
    for (int64_t i = r->begin; i < end; i++) y[i] = store(load(dy[i]) / count); \
    return FMP_OK;                                                              \
  }

DIVIDE(divide_f32, float, float, AS_IS, AS_IS)
DIVIDE(divide_f64, double, double, AS_IS, AS_IS)
DIVIDE(divide_bf16, uint16_t, float, fmp_bf16_to_f32, fmp_bf16_of_f32)

static fmp_status run_mean_back(const fmp_call *call)
{
  static const fmp_range_fn divide[FMP_DTYPE_COUNT] = {
      [FMP_F32] = divide_f32, [FMP_F64] = divide_f64, [FMP_BF16] = divide_bf16};
  const fmp_view *dy = &call->in[0];
  const int64_t n = fmp_view_size(dy);
  if (n == 0) return FMP_OK;
  division d = {dy->data, call->out->data, (double)(fmp_view_size(&call->in[1]) / n)};
  return call->host->parallel_for(call, n, FMP_LOOP_GRAIN, divide[dy->dtype], &d);
}

/* -- extreme_back: dx = dy / ties where x equals y, else 0 ------------------ */

typedef struct extreme_fns {
  int64_t (*count)(const void *x, int64_t stride, int64_t n, const void *y);
  void (*spread)(void *dx, const void *x, int64_t stride, int64_t n, const void *y, const void *dy,
                 int64_t ties);
} extreme_fns;

/* dx and x are both contiguous, so an element has the same offset in both. */
#define EXTREME(s, S, T, load, store)                                                             \
  static int equal_##s(T a, T b) { return (a == b) | ((a != a) & (b != b)); }                     \
  static int64_t count_##s(const void *x, int64_t stride, int64_t n, const void *y)               \
  {                                                                                               \
    const T extreme = load(*(const S *)y);                                                        \
    int64_t ties = 0;                                                                             \
    for (int64_t i = 0; i < n; i++) ties += equal_##s(load(((const S *)x)[i * stride]), extreme); \
    return ties;                                                                                  \
  }                                                                                               \
  static void spread_##s(void *dx, const void *x, int64_t stride, int64_t n, const void *y,       \
                         const void *dy, int64_t ties)                                            \
  {                                                                                               \
    const T extreme = load(*(const S *)y);                                                        \
    const S share = store(load(*(const S *)dy) / (T)ties);                                        \
    for (int64_t i = 0; i < n; i++) {                                                             \
      const int hit = equal_##s(load(((const S *)x)[i * stride]), extreme);                       \
      ((S *)dx)[i * stride] = hit ? share : 0;                                                    \
    }                                                                                             \
  }                                                                                               \
  static const extreme_fns extreme_##s = {count_##s, spread_##s};

EXTREME(f32, float, float, AS_IS, AS_IS)
EXTREME(f64, double, double, AS_IS, AS_IS)
EXTREME(bf16, uint16_t, float, fmp_bf16_to_f32, fmp_bf16_of_f32)

typedef struct work {
  const extreme_fns *fns;
  fmp_loop kept, reduced; /* x is operand 0 of both */
  const unsigned char *x, *y, *dy;
  unsigned char *dx;
  int64_t bytes;
} work;

/* One output: where its elements begin, its index, and how many equal it. */
typedef struct output {
  const work *w;
  int64_t first, k, ties;
} output;

static int64_t place(const output *o, const fmp_tile *t, int64_t row)
{
  /* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): the loop has one array */
  return (o->first + t->offset[0] + row * t->row_stride[0]) * o->w->bytes;
}

/* First pass over what one output was reduced from: how many elements equal it. */
static void count_tile(void *arg, const fmp_tile *t)
{
  output *o = arg;
  const work *w = o->w;
  for (int64_t r = 0; r < t->rows; r++)
    o->ties += w->fns->count(w->x + place(o, t, r), t->column_stride[0], t->columns,
                             w->y + o->k * w->bytes);
}

/* Second pass: they share dy, and all others get 0. */
static void spread_tile(void *arg, const fmp_tile *t)
{
  const output *o = arg;
  const work *w = o->w;
  for (int64_t r = 0; r < t->rows; r++) {
    const int64_t at = place(o, t, r);
    w->fns->spread(w->dx + at, w->x + at, t->column_stride[0], t->columns, w->y + o->k * w->bytes,
                   w->dy + o->k * w->bytes, o->ties);
  }
}

static fmp_status extreme_stretch(const fmp_range *r)
{
  const work *w = r->arg;
  const int64_t n = fmp_loop_size(&w->reduced);
  for (int64_t k = r->begin; k < r->end; k++) {
    output o = {.w = w, .k = k, .first = fmp_loop_offset(&w->kept, 0, k)};
    fmp_loop_run(&w->reduced, 0, n, count_tile, &o);
    fmp_loop_run(&w->reduced, 0, n, spread_tile, &o);
  }
  return FMP_OK;
}

static fmp_status run_extreme_back(const fmp_call *call)
{
  static const extreme_fns *const by_type[FMP_DTYPE_COUNT] = {
      [FMP_F32] = &extreme_f32, [FMP_F64] = &extreme_f64, [FMP_BF16] = &extreme_bf16};
  const reduce_params *p = call->params;
  const fmp_view *x = &call->in[0], *y = &call->in[1];
  const uint32_t mask = reduce_mask(p->axes, x->rank);
  const int64_t n = fmp_view_size(y);
  if (n == 0) return FMP_OK;
  work w = {.fns = by_type[x->dtype],
            .x = x->data,
            .y = y->data,
            .dy = call->in[2].data,
            .dx = call->out->data,
            .bytes = fmp_element_bytes(x->dtype)};
  reduce_loop(&w.kept, x, ~mask);
  reduce_loop(&w.reduced, x, mask);
  const int64_t grain = FMP_LOOP_GRAIN / fmp_loop_size(&w.reduced) + 1;
  return call->host->parallel_for(call, n, grain, extreme_stretch, &w);
}

/* -- registration ---------------------------------------------------------- */

static const fmp_inplace over_dy = {0, 0};

static const fmp_kernel_def kernels[] = {
    {.struct_size = sizeof(fmp_kernel_def),
     .op = "mean_back",
     .backend = "cpu",
     .name = "ref",
     .dtypes = FMP_FLOATS,
     .inplace = &over_dy,
     .n_inplace = 1,
     .inplace_size = sizeof(fmp_inplace),
     .run = run_mean_back},
    {.struct_size = sizeof(fmp_kernel_def),
     .op = "extreme_back",
     .backend = "cpu",
     .name = "ref",
     .dtypes = FMP_FLOATS,
     .run = run_extreme_back},
};

fmp_status reduce_add_back(const fmp_host *h, fmp_registry *r)
{
  return FMP_ADD_KERNELS(h, r, kernels);
}
