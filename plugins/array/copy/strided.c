/* SPDX-License-Identifier: Apache-2.0
 *
 * The strided copy. Dimensions are first reduced to the fewest that describe both sides,
 * ordered so that the target is written front to back. Then one of three ways:
 *   rows    both sides have stride 1 in the last dimension: memcpy of rows
 *   tiles   the source has stride 1 in another dimension: a transposition by 16x16 tiles,
 *           each read along the source's rows and written along the target's
 *   loop    neither
 * Threads share a number of equal pieces: elements, or strips of tiles. */
#include <string.h>
#include "strided.h"
#include "../array.h"

enum { TILE = 16, GRAIN_BYTES = 1 << 16 };

/* target[i] = source[i] for every index i of `shape`. */
typedef struct strided_copy {
  char *target;
  const char *source;
  size_t element; /* bytes: 1, 2, 4 or 8 */
  uint32_t rank;
  int64_t shape[FMP_MAX_RANK];
  int64_t target_strides[FMP_MAX_RANK];
  int64_t source_strides[FMP_MAX_RANK];
} strided_copy;

/* -- reduction of dimensions -------------------------------------------------- */

static void swap_dimensions(strided_copy *c, uint32_t a, uint32_t b)
{
  const int64_t n = c->shape[a], t = c->target_strides[a], s = c->source_strides[a];
  c->shape[a] = c->shape[b], c->shape[b] = n;
  c->target_strides[a] = c->target_strides[b], c->target_strides[b] = t;
  c->source_strides[a] = c->source_strides[b], c->source_strides[b] = s;
}

static void drop_ones(strided_copy *c)
{
  uint32_t n = 0;
  for (uint32_t i = 0; i < c->rank; i++)
    if (c->shape[i] != 1) swap_dimensions(c, i, n++);
  c->rank = n;
}

/* Merges dimension i into i-1 where both sides step through the two as if they were one. */
static int joins(const strided_copy *c, uint32_t i)
{
  return c->target_strides[i - 1] == c->target_strides[i] * c->shape[i] &&
         c->source_strides[i - 1] == c->source_strides[i] * c->shape[i];
}

static void join_dimensions(strided_copy *c)
{
  uint32_t n = 0;
  for (uint32_t i = 0; i < c->rank; i++) {
    if (n != i) swap_dimensions(c, n, i);
    if (n > 0 && joins(c, n)) {
      c->shape[n - 1] *= c->shape[n];
      c->target_strides[n - 1] = c->target_strides[n];
      c->source_strides[n - 1] = c->source_strides[n];
    } else {
      n++;
    }
  }
  c->rank = n;
}

/* -- pieces -------------------------------------------------------------------- */

/* Where row or matrix number `index` of the outer dimensions begins on both sides. */
static void seek(const strided_copy *c, uint32_t outer, int64_t index, char **target,
                 const char **source)
{
  int64_t t = 0, s = 0;
  for (uint32_t i = outer; i-- > 0;) {
    const int64_t k = index % c->shape[i];
    index /= c->shape[i];
    t += k * c->target_strides[i];
    s += k * c->source_strides[i];
  }
  *target = c->target + t * (int64_t)c->element;
  *source = c->source + s * (int64_t)c->element;
}

static int64_t product(const int64_t *shape, uint32_t n)
{
  int64_t size = 1;
  for (uint32_t i = 0; i < n; i++) size *= shape[i];
  return size;
}

/* n elements; `element` is a constant where this is called, so that memcpy is a move. */
static inline void loop_of(char *target, int64_t t, const char *source, int64_t s, int64_t n,
                           size_t element)
{
  const int64_t bytes = (int64_t)element;
  for (int64_t i = 0; i < n; i++) memcpy(target + i * t * bytes, source + i * s * bytes, element);
}

static void loop(char *target, int64_t t, const char *source, int64_t s, int64_t n, size_t element)
{
  switch (element) {
  case 1: loop_of(target, t, source, s, n, 1); break;
  case 2: loop_of(target, t, source, s, n, 2); break;
  case 4: loop_of(target, t, source, s, n, 4); break;
  default: loop_of(target, t, source, s, n, 8); break;
  }
}

/* Elements [begin, end), a row or a part of one at a time. */
static fmp_status copy_rows(const fmp_range *r)
{
  const strided_copy *c = r->arg;
  const int64_t end = r->end;
  const uint32_t last = c->rank - 1;
  const int64_t n = c->shape[last], t = c->target_strides[last], s = c->source_strides[last];
  const int64_t bytes = (int64_t)c->element;
  for (int64_t i = r->begin; i < end;) {
    const int64_t first = i % n;
    const int64_t count = n - first < end - i ? n - first : end - i;
    char *target;
    const char *source;
    seek(c, last, i / n, &target, &source);
    target += first * t * bytes;
    source += first * s * bytes;
    if (t == 1 && s == 1)
      memcpy(target, source, (size_t)count * c->element);
    else
      loop(target, t, source, s, count, c->element);
    i += count;
  }
  return FMP_OK;
}

/* -- tiles ------------------------------------------------------------------------ */

/* A tile: `rows` of the target by `columns`; the source's rows are the target's columns.
 * Through a buffer, so that both sides are touched a whole cache line at a time. */
static inline void tile_of(char *target, int64_t t, const char *source, int64_t s, int64_t rows,
                           int64_t columns, size_t element)
{
  char buffer[TILE * TILE * 8];
  const int64_t bytes = (int64_t)element;
  for (int64_t j = 0; j < columns; j++)
    for (int64_t i = 0; i < rows; i++)
      memcpy(buffer + (i * TILE + j) * bytes, source + (j * s + i) * bytes, element);
  for (int64_t i = 0; i < rows; i++)
    memcpy(target + i * t * bytes, buffer + i * TILE * bytes, (size_t)columns * element);
}

static void tile(char *target, int64_t t, const char *source, int64_t s, int64_t rows,
                 int64_t columns, size_t element)
{
  switch (element) {
  case 1: tile_of(target, t, source, s, rows, columns, 1); break;
  case 2: tile_of(target, t, source, s, rows, columns, 2); break;
  case 4: tile_of(target, t, source, s, rows, columns, 4); break;
  default: tile_of(target, t, source, s, rows, columns, 8); break;
  }
}

static int64_t strips(int64_t n) { return (n + TILE - 1) / TILE; }

/* Strips [begin, end): piece p is strip p % strips of matrix p / strips. The last two
 * dimensions are the matrix: rows (source stride 1) and columns (target stride 1). */
static fmp_status copy_tiles(const fmp_range *r)
{
  const strided_copy *c = r->arg;
  const uint32_t i = c->rank - 2, k = c->rank - 1;
  const int64_t per_matrix = strips(c->shape[i]);
  const int64_t bytes = (int64_t)c->element, end = r->end;
  for (int64_t p = r->begin; p < end; p++) {
    const int64_t row = p % per_matrix * TILE;
    const int64_t rows = c->shape[i] - row < TILE ? c->shape[i] - row : TILE;
    char *target;
    const char *source;
    seek(c, i, p / per_matrix, &target, &source);
    target += row * c->target_strides[i] * bytes;
    source += row * bytes;
    for (int64_t j = 0; j < c->shape[k]; j += TILE) {
      const int64_t columns = c->shape[k] - j < TILE ? c->shape[k] - j : TILE;
      tile(target + j * bytes, c->target_strides[i], source + j * c->source_strides[k] * bytes,
           c->source_strides[k], rows, columns, c->element);
    }
  }
  return FMP_OK;
}

/* A transposition: the source's stride-1 dimension moves beside the last one. */
static int take_tiles(strided_copy *c)
{
  const uint32_t last = c->rank - 1;
  if (c->rank < 2 || c->target_strides[last] != 1 || c->source_strides[last] == 1) return 0;
  for (uint32_t i = 0; i < last; i++) {
    if (c->source_strides[i] != 1 || c->shape[i] < 4 || c->shape[last] < 4) continue;
    for (; i + 1 < last; i++) swap_dimensions(c, i, i + 1);
    return 1;
  }
  return 0;
}

/* -- entry ------------------------------------------------------------------------- */

/* At least so many pieces of `bytes` each that a thread has something to do. */
static int64_t grain(int64_t bytes)
{
  return bytes > 0 && bytes < GRAIN_BYTES ? GRAIN_BYTES / bytes : 1;
}

static fmp_status run(const fmp_call *call, strided_copy *c)
{
  const int64_t element = (int64_t)c->element;
  if (product(c->shape, c->rank) == 0) return FMP_OK;
  drop_ones(c);
  join_dimensions(c);
  if (c->rank == 0) {
    memcpy(c->target, c->source, c->element);
    return FMP_OK;
  }
  if (take_tiles(c)) {
    const int64_t per_matrix = strips(c->shape[c->rank - 2]);
    return call->host->parallel_for(call, product(c->shape, c->rank - 2) * per_matrix,
                                    grain(c->shape[c->rank - 1] * TILE * element), copy_tiles, c);
  }
  return call->host->parallel_for(call, product(c->shape, c->rank), grain(element), copy_rows, c);
}

fmp_status strided_run(const fmp_call *call, const fmp_view *part, char *target,
                       const int64_t *target_strides, const char *source,
                       const int64_t *source_strides)
{
  strided_copy c = {.target = target, .source = source, .rank = part->rank};
  c.element = (size_t)fmp_element_bytes(part->dtype);
  for (uint32_t i = 0; i < part->rank; i++) {
    c.shape[i] = part->shape[i];
    c.target_strides[i] = target_strides[i];
    c.source_strides[i] = source_strides[i];
  }
  return run(call, &c);
}
