/* SPDX-License-Identifier: Apache-2.0
 *
 * The kernels of sum, mean, max, min and sum_to that are used: x of any strides, all
 * threads, vector instructions along whichever dimension is contiguous.
 *
 * The elements of x are indexed by (kept, reduced). Either each output adds up lines of
 * its own, or neighbouring outputs go side by side, as lanes, through all that is reduced
 * (a bias's gradient: [n*h*w, c] summed over rows). Few outputs of many elements are cut
 * into slices; the slices' partial results are joined in order. All choices follow from
 * shapes and strides, never from the number of threads, so the bits do not depend on it.
 *
 * f32 and bf16 are summed in f64; f64 in 8 interleaved sums per line. */
#include "reduce.h"
#include "../numbers.h"
#include "fmp/kit/half.h"
#include "fmp/kit/register.h"
#include "fmp/kit/simd.h"
#include <math.h>
#include <string.h>

enum {
  CHUNK = 256, /* outputs whose accumulators are on the stack */
  LANES = 8,   /* interleaved accumulators of a line */
  ROWS = 8,    /* rows of lanes at a time */
  MAX_SLICES = 64,
  SLICE_ELEMENTS = 65536, /* at least so many in a slice */
  FEW_OUTPUTS = 4096      /* more are spread over threads as they are */
};

/* -- steps ----------------------------------------------------------------- */

/* One op on one type. Every accumulator has at most 8 bytes. */
typedef struct reducer {
  int64_t acc_bytes;
  void (*clear)(void *acc, int64_t n);
  void (*line)(void *acc, const void *x, int64_t stride, int64_t n); /* one takes n elements */
  /* Of each of `rows` rows, `pitch` apart, n take an element each. */
  void (*lanes)(void *acc, const void *x, int64_t stride, int64_t n, int64_t rows, int64_t pitch);
  void (*join)(void *acc, const void *part, int64_t n);               /* n take n */
  void (*finish)(void *y, const void *acc, int64_t n, int64_t count); /* count: reduced */
} reducer;

/* step is the new value of accumulator a when it takes v. */
#define CLEAR(s, ACC, start)                                 \
  static void clear_##s(void *acc, int64_t n)                \
  {                                                          \
    for (int64_t i = 0; i < n; i++) ((ACC *)acc)[i] = start; \
  }

/* How an element is read: bf16 is bits. */
#define AS_IS(x) (x)

/* The body of a line, made once for stride 1 and once for any. */
#define LINE_BODY(T, ACC, load, step, stride)                      \
  for (; i + LANES <= n; i += LANES)                               \
    for (int64_t j = 0; j < LANES; j++) {                          \
      const ACC v = (ACC)load(((const T *)x)[(i + j) * (stride)]); \
      const ACC a = lanes[j];                                      \
      lanes[j] = step;                                             \
    }

#define LINE(s, T, ACC, load, start, step)                                       \
  static void line_##s(void *acc, const void *x, int64_t stride, int64_t n)      \
  {                                                                              \
    ACC lanes[LANES] = {start, start, start, start, start, start, start, start}; \
    int64_t i = 0;                                                               \
    if (stride == 1) {                                                           \
      LINE_BODY(T, ACC, load, step, 1)                                           \
    } else {                                                                     \
      LINE_BODY(T, ACC, load, step, stride)                                      \
    }                                                                            \
    for (int64_t j = 0; i < n; i++, j++) {                                       \
      const ACC v = (ACC)load(((const T *)x)[i * stride]);                       \
      const ACC a = lanes[j];                                                    \
      lanes[j] = step;                                                           \
    }                                                                            \
    for (int64_t j = 0; j < LANES; j++) {                                        \
      const ACC v = lanes[j];                                                    \
      const ACC a = *(ACC *)acc;                                                 \
      *(ACC *)acc = step;                                                        \
    }                                                                            \
  }

#define LANES_BODY(T, ACC, load, step, stride)             \
  for (int64_t i = 0; i < n; i++) {                        \
    const ACC v = (ACC)load(((const T *)x)[i * (stride)]); \
    const ACC a = ((ACC *)acc)[i];                         \
    ((ACC *)acc)[i] = step;                                \
  }

/* Several rows while accumulators are in registers. */
#define LANES_OF_ROWS(T, ACC, load, step)                     \
  for (int64_t i = 0; i < n; i++) {                           \
    ACC a = ((ACC *)acc)[i];                                  \
    _Pragma("GCC unroll 8") for (int q = 0; q < ROWS; q++)    \
    {                                                         \
      const ACC v = (ACC)load(((const T *)x)[q * pitch + i]); \
      a = step;                                               \
    }                                                         \
    ((ACC *)acc)[i] = a;                                      \
  }

#define LANES_STEP(name, TARGET, T, ACC, load, step)                                         \
  TARGET static void name(void *acc, const void *x, int64_t stride, int64_t n, int64_t rows, \
                          int64_t pitch)                                                     \
  {                                                                                          \
    for (; stride == 1 && rows >= ROWS; rows -= ROWS, x = (const T *)x + ROWS * pitch) {     \
      FMP_LOOP_INDEPENDENT                                                                   \
      LANES_OF_ROWS(T, ACC, load, step)                                                      \
    }                                                                                        \
    for (; rows > 0; rows--, x = (const T *)x + pitch) {                                     \
      if (stride == 1) {                                                                     \
        FMP_LOOP_INDEPENDENT                                                                 \
        LANES_BODY(T, ACC, load, step, 1)                                                    \
      } else {                                                                               \
        LANES_BODY(T, ACC, load, step, stride)                                               \
      }                                                                                      \
    }                                                                                        \
  }

#define JOIN(s, ACC, step)                                     \
  static void join_##s(void *acc, const void *part, int64_t n) \
  {                                                            \
    const ACC *x = part;                                       \
    const int64_t stride = 1;                                  \
    LANES_BODY(ACC, ACC, AS_IS, step, stride)                  \
  }

#define FINISH(name, ACC, Y, end)                                      \
  static void name(void *y, const void *acc, int64_t n, int64_t count) \
  {                                                                    \
    (void)count;                                                       \
    for (int64_t i = 0; i < n; i++) {                                  \
      const ACC a = ((const ACC *)acc)[i];                             \
      ((Y *)y)[i] = (Y)(end);                                          \
    }                                                                  \
  }

#define REDUCER_BY(s, T, ACC, Y, load, start, step, end) \
  CLEAR(s, ACC, start)                                   \
  LINE(s, T, ACC, load, start, step)                     \
  LANES_STEP(lanes_##s, , T, ACC, load, step)            \
  JOIN(s, ACC, step)                                     \
  FINISH(finish_##s, ACC, Y, end)                        \
  static const reducer s = {sizeof(ACC), clear_##s, line_##s, lanes_##s, join_##s, finish_##s};

#define REDUCER(s, T, ACC, Y, start, step) REDUCER_BY(s, T, ACC, Y, AS_IS, start, step, a)

REDUCER(sum_f32, float, double, float, 0, a + v)
REDUCER(sum_f64, double, double, double, 0, a + v)
REDUCER_BY(sum_bf16, uint16_t, double, float, fmp_bf16_to_f32, 0, a + v, a)
REDUCER(sum_u8, uint8_t, uint64_t, int64_t, 0, a + v)
REDUCER(sum_i32, int32_t, uint64_t, int64_t, 0, a + v)
REDUCER(sum_i64, int64_t, uint64_t, int64_t, 0, a + v)

/* Of sum_to, which keeps the type. */
FINISH(finish_sum_in_bf16, double, uint16_t, fmp_bf16_of_f64(a))
static const reducer sum_in_bf16 = {sizeof(double), clear_sum_bf16, line_sum_bf16,
                                    lanes_sum_bf16, join_sum_bf16,  finish_sum_in_bf16};

FINISH(finish_mean_f32, double, float, a / (double)count)
FINISH(finish_mean_f64, double, double, a / (double)count)
static const reducer mean_f32 = {sizeof(double), clear_sum_f32, line_sum_f32,
                                 lanes_sum_f32,  join_sum_f32,  finish_mean_f32};
static const reducer mean_f64 = {sizeof(double), clear_sum_f64, line_sum_f64,
                                 lanes_sum_f64,  join_sum_f64,  finish_mean_f64};
static const reducer mean_bf16 = {sizeof(double), clear_sum_bf16, line_sum_bf16,
                                  lanes_sum_bf16, join_sum_bf16,  finish_mean_f32};

/* A NaN accumulator stays: nothing compares greater or less. */
#define FLOAT_EXTREME(s, T, order, start) \
  REDUCER(s, T, T, T, start, ((v order a) | (v != v)) ? v : a)
#define BF16_EXTREME(s, order, start)                              \
  REDUCER_BY(s, uint16_t, float, uint16_t, fmp_bf16_to_f32, start, \
             ((v order a) | (v != v)) ? v : a, fmp_bf16_of_f32(a))
BF16_EXTREME(max_bf16, >, -INFINITY)
BF16_EXTREME(min_bf16, <, INFINITY)
FLOAT_EXTREME(max_f32, float, >, -INFINITY)
FLOAT_EXTREME(max_f64, double, >, -INFINITY)
FLOAT_EXTREME(min_f32, float, <, INFINITY)
FLOAT_EXTREME(min_f64, double, <, INFINITY)

#define INTEGER_EXTREME(s, T, order, start) REDUCER(s, T, T, T, start, v order a ? v : a)
INTEGER_EXTREME(max_u8, uint8_t, >, 0)
INTEGER_EXTREME(max_i32, int32_t, >, INT32_MIN)
INTEGER_EXTREME(max_i64, int64_t, >, INT64_MIN)
INTEGER_EXTREME(min_u8, uint8_t, <, UINT8_MAX)
INTEGER_EXTREME(min_i32, int32_t, <, INT32_MAX)
INTEGER_EXTREME(min_i64, int64_t, <, INT64_MAX)

/* -- walking x ------------------------------------------------------------- */

typedef struct work {
  const reducer *how;
  fmp_loop kept, reduced; /* x is operand 0 of both */
  int64_t n_kept, n_reduced, slices;
  int by_lanes;
  const unsigned char *x;
  unsigned char *y, *partial; /* partial: accumulators [slices, n_kept] */
  int64_t x_bytes, y_bytes;
} work;

/* A few outputs in the making: their accumulators and their part of what is reduced. */
typedef struct chunk {
  const work *w;
  int64_t begin, end; /* of the reduced elements */
  unsigned char *acc; /* of the line that is next */
  const unsigned char *x;
  int64_t stride, n; /* of the lanes */
} chunk;

static const unsigned char *element(const work *w, const unsigned char *x, const fmp_tile *t,
                                    int64_t row, int64_t column)
{
  /* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): the loop has one array */
  const int64_t at = t->offset[0] + row * t->row_stride[0] + column * t->column_stride[0];
  return x + at * w->x_bytes;
}

/* A tile of what is reduced, for one output. */
static void lines_tile(void *arg, const fmp_tile *t)
{
  const chunk *c = arg;
  for (int64_t r = 0; r < t->rows; r++)
    c->w->how->line(c->acc, element(c->w, c->x, t, r, 0), t->column_stride[0], t->columns);
}

/* The same, for a line of outputs. */
static void lanes_tile(void *arg, const fmp_tile *t)
{
  const chunk *c = arg;
  for (int64_t r = 0; r < t->rows; r++)
    c->w->how->lanes(c->acc, element(c->w, c->x, t, r, 0), c->stride, c->n, t->columns,
                     t->column_stride[0]);
}

/* n outputs, `step` apart in x, from x on. */
static void reduce_outputs(chunk *c, const unsigned char *x, int64_t step, int64_t n,
                           fmp_tile_fn tile)
{
  c->x = x;
  c->stride = step;
  c->n = n;
  fmp_loop_run(&c->w->reduced, c->begin, c->end, tile, c);
  c->acc += n * c->w->how->acc_bytes;
}

static void kept_tile(void *arg, const fmp_tile *t)
{
  chunk *c = arg;
  const unsigned char *x = c->w->x;
  for (int64_t r = 0; r < t->rows; r++) {
    if (c->w->by_lanes)
      reduce_outputs(c, element(c->w, x, t, r, 0), t->column_stride[0], t->columns, lanes_tile);
    else
      for (int64_t i = 0; i < t->columns; i++)
        reduce_outputs(c, element(c->w, x, t, r, i), 0, 1, lines_tile);
  }
}

/* -- chunks, slices, threads ----------------------------------------------- */

static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

/* Where slice i begins: equal parts, the first ones longer by one if need be. */
static int64_t slice_begin(const work *w, int64_t i)
{
  return w->n_reduced / w->slices * i + smaller(i, w->n_reduced % w->slices);
}

/* Outputs [k, k + n) of one slice; n <= CHUNK. */
static void reduce_chunk(const work *w, int64_t slice, int64_t k, int64_t n)
{
  union {
    double floats[CHUNK];
    int64_t integers[CHUNK];
    unsigned char bytes[CHUNK * 8];
  } acc;
  chunk c = {.w = w, .acc = acc.bytes};
  c.begin = slice_begin(w, slice);
  c.end = slice_begin(w, slice + 1);
  w->how->clear(&acc, n);
  if (c.begin < c.end) fmp_loop_run(&w->kept, k, k + n, kept_tile, &c);
  if (w->slices == 1)
    w->how->finish(w->y + k * w->y_bytes, &acc, n, w->n_reduced);
  else
    memcpy(w->partial + (slice * w->n_kept + k) * w->how->acc_bytes, &acc,
           (size_t)(n * w->how->acc_bytes));
}

/* Of slices * n_kept accumulators, those in [begin, end). */
static fmp_status reduce_stretch(const fmp_range *r)
{
  const work *w = r->arg;
  for (int64_t i = r->begin, n; i < r->end; i += n) {
    const int64_t k = i % w->n_kept;
    n = smaller(smaller(CHUNK, r->end - i), w->n_kept - k);
    reduce_chunk(w, i / w->n_kept, k, n);
  }
  return FMP_OK;
}

/* Outputs [begin, end) from their slices, joined into the first of them. */
static fmp_status join_stretch(const fmp_range *r)
{
  const work *w = r->arg;
  const int64_t bytes = w->how->acc_bytes, n = r->end - r->begin;
  unsigned char *first = w->partial + r->begin * bytes;
  for (int64_t i = 1; i < w->slices; i++) w->how->join(first, first + i * w->n_kept * bytes, n);
  w->how->finish(w->y + r->begin * w->y_bytes, first, n, w->n_reduced);
  return FMP_OK;
}

static int64_t count_slices(int64_t n_kept, int64_t n_reduced)
{
  if (n_kept == 0 || n_kept >= FEW_OUTPUTS) return 1;
  const int64_t slices = smaller(n_kept * n_reduced / SLICE_ELEMENTS, n_reduced);
  return slices < 1 ? 1 : smaller(slices, MAX_SLICES);
}

/* Side by side if lines would be short or scattered, and there are many neighbours. */
static int choose_lanes(const fmp_loop *kept, const fmp_loop *reduced)
{
  const int64_t outputs = kept->shape[kept->rank - 1], step = kept->strides[0][kept->rank - 1];
  const int64_t line = reduced->shape[reduced->rank - 1];
  const int64_t line_step = reduced->strides[0][reduced->rank - 1];
  if (line_step == 1 && line >= 2 * LANES) return 0;
  if (step == 1 && outputs >= LANES) return 1;
  return outputs > line;
}

/* data: a reducer for each type. */
static fmp_status run(const fmp_call *call)
{
  const reducer *const *by_type = call->data;
  const fmp_view *x = &call->in[0], *y = call->out;
  const uint32_t mask = reduce_call_mask(call);
  work w = {.how = by_type[x->dtype], .x = x->data, .y = y->data, .partial = call->scratch};
  w.x_bytes = fmp_element_bytes(x->dtype);
  w.y_bytes = fmp_element_bytes(y->dtype);
  w.n_kept = fmp_view_size(y);
  if (w.n_kept == 0) return FMP_OK;
  reduce_loop(&w.kept, x, ~mask);
  reduce_loop(&w.reduced, x, mask);
  w.n_reduced = fmp_loop_size(&w.reduced);
  w.slices = count_slices(w.n_kept, w.n_reduced);
  w.by_lanes = choose_lanes(&w.kept, &w.reduced);
  const int64_t grain = FMP_LOOP_GRAIN / (w.n_reduced / w.slices + 1) + 1;
  FMP_TRY(call->host->parallel_for(call, w.slices * w.n_kept, grain, reduce_stretch, &w));
  if (w.slices == 1) return FMP_OK;
  return call->host->parallel_for(call, w.n_kept, FMP_LOOP_GRAIN / w.slices, join_stretch, &w);
}

/* The slices' accumulators, 8 bytes each. */
static size_t scratch(const fmp_kernel_args *args, const void *state)
{
  const int64_t n_kept = fmp_spec_size(args->out);
  (void)state;
  if (n_kept == 0) return 0;
  const int64_t slices = count_slices(n_kept, fmp_spec_size(args->in) / n_kept);
  return slices > 1 ? (size_t)(slices * n_kept * 8) : 0;
}

/* -- kernels --------------------------------------------------------------- */

static const reducer *const sums[FMP_DTYPE_COUNT] = {
    [FMP_F32] = &sum_f32, [FMP_F64] = &sum_f64, [FMP_BF16] = &sum_bf16,
    [FMP_U8] = &sum_u8,   [FMP_I32] = &sum_i32, [FMP_I64] = &sum_i64};
static const reducer *const means[FMP_DTYPE_COUNT] = {
    [FMP_F32] = &mean_f32, [FMP_F64] = &mean_f64, [FMP_BF16] = &mean_bf16};
static const reducer *const maxima[FMP_DTYPE_COUNT] = {
    [FMP_F32] = &max_f32, [FMP_F64] = &max_f64, [FMP_BF16] = &max_bf16,
    [FMP_U8] = &max_u8,   [FMP_I32] = &max_i32, [FMP_I64] = &max_i64};
static const reducer *const minima[FMP_DTYPE_COUNT] = {
    [FMP_F32] = &min_f32, [FMP_F64] = &min_f64, [FMP_BF16] = &min_bf16,
    [FMP_U8] = &min_u8,   [FMP_I32] = &min_i32, [FMP_I64] = &min_i64};

static const reducer *const sums_to[FMP_DTYPE_COUNT] = {
    [FMP_F32] = &sum_f32, [FMP_F64] = &sum_f64, [FMP_BF16] = &sum_in_bf16};

#define KERNEL                                                                          \
  .struct_size = sizeof(fmp_kernel_def), .backend = "cpu", .flags = FMP_KERNEL_STRIDED, \
  .scratch = scratch, .run = run
#define LOOPS KERNEL, .name = "loops", .priority = 10

static const fmp_kernel_def kernels[] = {
    {LOOPS, .op = "sum", .dtypes = NUMBERS, .data = sums},
    {LOOPS, .op = "mean", .dtypes = FMP_FLOATS, .data = means},
    {LOOPS, .op = "max", .dtypes = NUMBERS, .data = maxima},
    {LOOPS, .op = "min", .dtypes = NUMBERS, .data = minima},
    {LOOPS, .op = "sum_to", .dtypes = FMP_FLOATS, .data = sums_to},
};

/* -- sums of gradients, by instruction set --------------------------------- */

/* The same sums, whose lanes the compiler vectorises for the set that they are marked with:
 * without that, a bias's gradient takes twice as long as reading the memory. */
#if FMP_SIMD_X86
#define SUM_OF(type, set, TARGET, T, load)                                              \
  LANES_STEP(lanes_sum_##type##_##set, TARGET, T, double, load, a + v)                  \
  static const reducer sum_##type##_##set = {sizeof(double),  clear_sum_##type,         \
                                             line_sum_##type, lanes_sum_##type##_##set, \
                                             join_sum_##type, finish_sum_##type};

#define SUMS(set, TARGET)                                     \
  SUM_OF(f32, set, TARGET, float, AS_IS)                      \
  SUM_OF(bf16, set, TARGET, uint16_t, fmp_bf16_to_f32)        \
  static const reducer *const sums_##set[FMP_DTYPE_COUNT] = { \
      [FMP_F32] = &sum_f32_##set, [FMP_BF16] = &sum_bf16_##set};

SUMS(avx2, FMP_TARGET_AVX2)
SUMS(avx512, FMP_TARGET_AVX512)

#define SUM KERNEL, .op = "sum", .dtypes = FMP_BIT(FMP_F32) | FMP_BIT(FMP_BF16)

static const fmp_kernel_def sets[] = {
    {SUM, .name = "avx2", .priority = 20, .data = sums_avx2},
    {SUM, .name = "avx512", .priority = 30, .data = sums_avx512},
};

#endif

fmp_status reduce_add_loops(const fmp_host *h, fmp_registry *r)
{
  FMP_TRY(FMP_ADD_KERNELS(h, r, kernels));
#if FMP_SIMD_X86
  FMP_TRY(fmp_add_kernels(h, r, sets, fmp_simd_level()));
#endif
  return FMP_OK;
}
