/* SPDX-License-Identifier: Apache-2.0
 *
 * kit/loops.h: loops over strided and broadcast views, for kernels on the host.
 *
 * A loop walks the elements of one shape in row-major order, with up to four operands beside each
 * other (an output and its inputs). Neighbouring dimensions that all operands step through alike
 * become one, so that kernels mostly see a long line or a few: [50,36,36,64] + [64] is walked as
 * 64800 rows of 64.
 *
 *   fmp_loop loop;
 *   fmp_loop_begin(&loop, &y);                  operand 0, and the shape
 *   fmp_loop_add(&loop, &a);                    operand 1, broadcast to that shape
 *   fmp_loop_merge(&loop);
 *   fmp_loop_parallel(call, &loop, FMP_LOOP_GRAIN, tile, &job);
 *
 * The tile function gets rectangles of rows and columns (fmp_tile) and adds offsets to the
 * operands' data pointers itself, so a loop knows neither types nor memory: all offsets and strides
 * are in elements, and operands may have different types.
 *
 *   struct job { const float *a; float *y; };
 *
 *   static void tile(void *arg, const fmp_tile *t)              y = -a
 *   {
 *     const struct job *j = arg;
 *     for (int64_t r = 0; r < t->rows; r++) {
 *       float *y = j->y + t->offset[0] + r * t->row_stride[0];
 *       const float *a = j->a + t->offset[1] + r * t->row_stride[1];
 *       FMP_LOOP_INDEPENDENT
 *       for (int64_t c = 0; c < t->columns; c++)
 *         y[c * t->column_stride[0]] = -a[c * t->column_stride[1]];
 *     }
 *   }
 *
 * (Kernels that are worth it look for column strides of 1 and 0, and have a loop for each.)
 *
 * Assumed, not checked: each view broadcasts to the loop's shape, there are at most
 * FMP_LOOP_OPERANDS of them, and fmp_loop_merge has run before any of the functions that walk.
 * Operands may alias as far as the tile function allows. Strides may be 0 or negative.
 *
 * Where a stretch of a parallel loop begins and ends decides where rectangles are cut. So a tile
 * function whose elements depend on each other (a sum over the tile, say) would depend on the
 * number of threads; one that computes each element by itself does not. */
#ifndef FMP_KIT_LOOPS_H
#define FMP_KIT_LOOPS_H

#include "fmp/plugin.h"

enum {
  FMP_LOOP_OPERANDS = 4, /* an output and three inputs */
  FMP_LOOP_GRAIN = 16384 /* elements from which on a second thread is worth its while */
};

/* Stands in front of a loop whose iterations are independent: y[i] = f(a[i]), where a and y may be
 * the same array (an in-place pair) but are not shifted against each other. Without it compilers
 * test at run time whether the arrays overlap, find that they do, and take the scalar loop. */
#if defined(__clang__)
#define FMP_LOOP_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#elif defined(__GNUC__)
#define FMP_LOOP_INDEPENDENT _Pragma("GCC ivdep")
#else
#define FMP_LOOP_INDEPENDENT
#endif

/* Bytes of one element; 0 for FMP_NONE and for what is no data type of this header. */
static inline int64_t fmp_element_bytes(uint32_t dtype)
{
  static const int64_t bytes[FMP_DTYPE_COUNT] = {0, 4, 8, 2, 2, 1, 4, 8}; /* FMP_NONE .. FMP_I64 */
  return dtype < FMP_DTYPE_COUNT ? bytes[dtype] : 0;
}

/* -- broadcasting ---------------------------------------------------------- */

/* The stride with which a view moves along dimension d of a shape of `rank` dimensions that it
 * broadcasts to. Shapes are aligned at their ends (NumPy's rule), and a dimension that is missing
 * or has size 1 repeats: its stride is 0. rank is at least the view's own. */
static inline int64_t fmp_broadcast_stride(const fmp_view *v, uint32_t rank, uint32_t d)
{
  const uint32_t missing = rank - v->rank;
  if (d < missing || v->shape[d - missing] == 1) return 0;
  return v->strides[d - missing];
}

/* Size of dimension d of s, aligned likewise: 1 if it is missing. */
static inline int64_t fmp_broadcast_size(const fmp_spec *s, uint32_t rank, uint32_t d)
{
  const uint32_t missing = rank - s->rank;
  return d < missing ? 1 : s->shape[d - missing];
}

/* The shape of a and b broadcast against each other, into out's rank and shape; out keeps its dtype
 * and may be a or b. In each dimension the sizes are equal or one of them is 1; 1 and 0 give 0.
 * Returns 0, with out unchanged, if they do not go together or the result has more elements than
 * int64_t counts. */
static inline int fmp_broadcast_shape(const fmp_spec *a, const fmp_spec *b, fmp_spec *out)
{
  fmp_spec y = *a;
  int64_t room = INT64_MAX;
  y.rank = a->rank > b->rank ? a->rank : b->rank;
  for (uint32_t d = 0; d < y.rank; d++) {
    const int64_t m = fmp_broadcast_size(a, y.rank, d), n = fmp_broadcast_size(b, y.rank, d);
    if (m != n && m != 1 && n != 1) return 0;
    y.shape[d] = m == 1 ? n : m;
    if (y.shape[d] > room) return 0;
    room = y.shape[d] > 0 ? room / y.shape[d] : room;
  }
  y.dtype = out->dtype;
  *out = y;
  return 1;
}

/* -- loops ----------------------------------------------------------------- */

/* A shape and, by operand, the strides along it. Filled by fmp_loop_begin and fmp_loop_add, in the
 * shape's own dimensions until fmp_loop_merge joins them. Plain data: it may be copied, and be read
 * by any thread once it is complete. */
typedef struct fmp_loop {
  uint32_t rank;     /* at least 2 once merged: the last two are rows and columns */
  uint32_t operands; /* how many there are so far */
  int64_t shape[FMP_MAX_RANK];
  int64_t strides[FMP_LOOP_OPERANDS][FMP_MAX_RANK]; /* in elements; 0 repeats */
} fmp_loop;

/* A view joins as the next operand. Its shape must broadcast to the loop's. */
static inline void fmp_loop_add(fmp_loop *l, const fmp_view *v)
{
  for (uint32_t d = 0; d < l->rank; d++)
    l->strides[l->operands][d] = fmp_broadcast_stride(v, l->rank, d);
  l->operands++;
}

/* Begins a loop over v's shape, with v as operand 0. v is not kept: its data is the caller's to
 * offset. */
static inline void fmp_loop_begin(fmp_loop *l, const fmp_view *v)
{
  l->rank = v->rank;
  l->operands = 0;
  for (uint32_t d = 0; d < v->rank; d++) l->shape[d] = v->shape[d];
  fmp_loop_add(l, v);
}

/* Number of elements, before and after merging; 1 for rank 0. */
static inline int64_t fmp_loop_size(const fmp_loop *l)
{
  int64_t n = 1;
  for (uint32_t d = 0; d < l->rank; d++) n *= l->shape[d];
  return n;
}

/* Does every operand go on in `outer` where `inner` ends, stride[outer] = stride[inner] *
 * shape[inner]? Then walking both is walking one dimension of shape[outer] * shape[inner]. Strides
 * of 0 join with each other. */
static inline int fmp_loop_joined(const fmp_loop *l, uint32_t outer, uint32_t inner)
{
  for (uint32_t k = 0; k < l->operands; k++)
    if (l->strides[k][outer] != l->strides[k][inner] * l->shape[inner]) return 0;
  return 1;
}

/* Dimension `from` takes the place of dimension `to`, for all operands. */
static inline void fmp_loop_move(fmp_loop *l, uint32_t to, uint32_t from)
{
  l->shape[to] = l->shape[from];
  for (uint32_t k = 0; k < l->operands; k++) l->strides[k][to] = l->strides[k][from];
}

/* A dimension of size 1 in front, which makes a row of a loop that is one line. The rank is below
 * 2. */
static inline void fmp_loop_pad(fmp_loop *l)
{
  for (uint32_t d = l->rank; d > 0; d--) fmp_loop_move(l, d, d - 1);
  l->shape[0] = 1;
  for (uint32_t k = 0; k < l->operands; k++) l->strides[k][0] = 0;
  l->rank++;
}

/* Reduces the loop to the fewest dimensions that visit the same elements in the same order, but at
 * least two. Dimensions of size 1 go, neighbours that are joined become one. Once only, after all
 * operands are there.
 *
 *   shape                 50     36    36   64
 *   strides of y       82944   2304    64    1     joined everywhere: 82944 = 2304 * 36, ...
 *   strides of a           0      0     0    1     the last two are not: 0 != 1 * 64
 *   merged             64800 x 64, strides 64 1 and 0 1 */
static inline void fmp_loop_merge(fmp_loop *l)
{
  uint32_t rank = 0;
  for (uint32_t d = 0; d < l->rank; d++) {
    if (l->shape[d] == 1) continue;
    if (rank > 0 && fmp_loop_joined(l, rank - 1, d)) {
      const int64_t outer = l->shape[rank - 1];
      fmp_loop_move(l, rank - 1, d);
      l->shape[rank - 1] *= outer;
    } else {
      fmp_loop_move(l, rank++, d);
    }
  }
  l->rank = rank;
  while (l->rank < 2) fmp_loop_pad(l);
}

/* -- tiles ----------------------------------------------------------------- */

/* A rectangle of the loop's last two dimensions. Element (row, column) of operand k is at
 *   offset[k] + row * row_stride[k] + column * column_stride[k]
 * elements from the operand's data. rows and columns are at least 1. A contiguous operand's column
 * stride is 1, or anything if there is one column; a broadcast one's is 0. */
typedef struct fmp_tile {
  int64_t rows, columns;
  int64_t offset[FMP_LOOP_OPERANDS];
  int64_t row_stride[FMP_LOOP_OPERANDS];
  int64_t column_stride[FMP_LOOP_OPERANDS];
} fmp_tile;

/* Computes one tile. It cannot fail, must not block, and is called on several threads at once, with
 * the same `arg` and tiles that do not share an element of operand 0. */
typedef void (*fmp_tile_fn)(void *arg, const fmp_tile *tile);

/* Where operand k is after the loop has done `element` elements: the element's index in each
 * dimension times the stride. Divides no further than it must: at the start of a loop not at all.
 * (That took a node of 4 numbers in a plan from 76 ns to 54.) */
static inline int64_t fmp_loop_offset(const fmp_loop *l, uint32_t k, int64_t element)
{
  int64_t offset = 0;
  for (uint32_t d = l->rank; element != 0 && d-- > 0; element /= l->shape[d])
    offset += element % l->shape[d] * l->strides[k][d];
  return offset;
}

/* The largest tile that begins at element `begin` and ends by `end`, of a merged loop and begin <
 * end. At the beginning of a row, if there is room for a whole one: as many whole rows as there are
 * up to `end` or to the end of the last two dimensions. Otherwise: a part of one row. Returns how
 * many elements it has. */
static inline int64_t fmp_loop_tile(const fmp_loop *l, int64_t begin, int64_t end, fmp_tile *t)
{
  const int64_t rows = l->shape[l->rank - 2], columns = l->shape[l->rank - 1];
  const int64_t row = begin / columns % rows, column = begin % columns, n = end - begin;
  const int64_t rows_left = rows - row, columns_left = columns - column;
  const int whole = column == 0 && n >= columns;
  t->rows = !whole ? 1 : n / columns < rows_left ? n / columns : rows_left;
  t->columns = n < columns_left ? n : columns_left;
  for (uint32_t k = 0; k < l->operands; k++) {
    t->offset[k] = fmp_loop_offset(l, k, begin);
    t->row_stride[k] = l->strides[k][l->rank - 2];
    t->column_stride[k] = l->strides[k][l->rank - 1];
  }
  return t->rows * t->columns;
}

/* Elements [begin, end) of a merged loop, in row-major order, on this thread. */
static inline void fmp_loop_run(const fmp_loop *l, int64_t begin, int64_t end, fmp_tile_fn fn,
                                void *arg)
{
  fmp_tile tile;
  while (begin < end) {
    begin += fmp_loop_tile(l, begin, end, &tile);
    fn(arg, &tile);
  }
}

/* What a stretch of fmp_loop_parallel needs; lives on the caller's stack until all stretches are
 * done. */
typedef struct fmp_loop_job {
  const fmp_loop *loop;
  fmp_tile_fn fn;
  void *arg;
} fmp_loop_job;

/* One stretch, on a thread of the backend's. */
static inline fmp_status fmp_loop_stretch(const fmp_range *r)
{
  const fmp_loop_job *job = (const fmp_loop_job *)r->arg;
  fmp_loop_run(job->loop, r->begin, r->end, job->fn, job->arg);
  return FMP_OK;
}

/* All elements of a merged loop, on the threads of the call's stream, in stretches of at least
 * `grain` elements; small loops run on the calling thread. Returns when all is done.  [stream] */
static inline fmp_status fmp_loop_parallel(const fmp_call *call, const fmp_loop *l, int64_t grain,
                                           fmp_tile_fn fn, void *arg)
{
  const int64_t n = fmp_loop_size(l);
  fmp_loop_job job;
  if (n <= grain) {
    fmp_loop_run(l, 0, n, fn, arg);
    return FMP_OK;
  }
  job.loop = l;
  job.fn = fn;
  job.arg = arg;
  return call->host->parallel_for(call, n, grain, fmp_loop_stretch, &job);
}

#endif
