/* SPDX-License-Identifier: Apache-2.0
 *
 * winograd.h: 2x2 convolutions with stride 1 in the transformed domain, for f32.
 *
 * The output is cut into tiles of m x m; at the end of an axis they are as short as what is left.
 * A tile of p x q needs (p+1) x (q+1) inputs; both are transformed (see transforms.h), and the
 * convolution becomes one matrix product for each of the tile's (p+1) (q+1) frequencies, which are
 * some of the (m+1)^2 of a whole tile:
 *
 *   product[f] [tiles, to] = inputs[f] [tiles, from] * weights[f] [from, to]
 *
 * The gradient by data is the same with the kernel rotated by half a turn and channels swapped, on
 * dy with its padding: `from` are dy's channels. The gradient by weights adds up
 *   sums[f] [ic, oc] += inputs[f]^T [ic, tiles] * outputs[f] [tiles, oc]
 * over all tiles, and is transformed once at the end.
 *
 * Tiles of one shape, of all images, stand in one list, from which threads take blocks. What a
 * block needs stays in the second-level cache.
 */
#ifndef FMP_NN_WINOGRAD_H
#define FMP_NN_WINOGRAD_H

#include "../conv2d/conv.h"
#include "transforms.h"

/* Tiles of a block: forward and by data, by weights. Both are multiples of the rows of a
 * product's register block. Inputs of 24 tiles, 16 frequencies and 128 channels are 196 KB. */
enum { BLOCK_TILES = 24, BLOCK_TILES_WEIGHTS = 48 };

/* Panels of `to` channels whose products wait for their transform together. */
enum { CHUNK_PANELS = 4 };

/* Space between the planes of two frequencies, so that they do not share the same cache sets. */
enum { PLANE_PAD = 16 };

struct winograd_axis {
  int64_t in, out; /* pixels of what is read and of what is made */
  int64_t before;  /* zeros ahead of the first pixel; negative: pixels skipped */
};

/* Tiles of one shape: whole ones, those at the end of a row, of a column, of both. */
struct winograd_list {
  int p_y, p_x;             /* outputs of a tile */
  int64_t first_y, first_x; /* the first output */
  int64_t step_y, step_x;   /* to the next tile */
  int64_t across, down;     /* tiles of one image */
  int64_t tiles, blocks;    /* of all images */
};

enum { LISTS = 4 };

/* A problem made ready, never written afterwards. By weights: from = ic, to = oc. */
struct winograd {
  int direction; /* CONV_* */
  int m, m_x;    /* F(m, 2); tiles are m high and m_x, at most m, wide */
  int64_t n, from, to;
  struct winograd_axis y, x;
  struct winograd_list lists[LISTS];
  int64_t chain;            /* products summed before they are rounded into a longer sum */
  int64_t parts;            /* threads, to each of which goes its share of each list's blocks */
  int64_t from_pad, to_pad; /* channels as they lie in scratch memory */
  double slope;             /* of the activation behind a forward run; 1: none */
  /* Scratch memory, in floats: transformed weights, then one stretch for each part. */
  int64_t weights_size, part_size;
};

/* What a run is handed. */
struct winograd_job {
  const struct winograd *w;
  const float *x;       /* what is read: x, or dy by data */
  const float *weights; /* OHWI; by weights: dy */
  const float *b;       /* NULL: none */
  float *y;             /* what is made: y, dx or dw */
  float *scratch;
  int past_cache; /* y is stored past the caches, which would not hold it */
};

/* Costs on one instruction set, in units of the time of one fused multiply-add of vectors; fitted
 * to measurements of the paper's layers. */
struct winograd_costs {
  double product;                  /* of a register block beside its multiplications */
  double transform[TILE_MOST + 1]; /* of one vector of one frequency, in or out, by m */
  double edge;                     /* the same, on top, where tiles are not whole */
  double fetch;                    /* of a vector of transformed weights or sums for a block */
  double weights; /* of the transform of one vector of one frequency of the weights */
  double direct[CONV_DIRECTIONS]; /* of a multiply-add in a direct convolution */
  double narrow;                  /* what comes on top, as a part of it, for images of one pixel */
};

/* The same functions for one instruction set. */
struct winograd_isa {
  int lanes, rows; /* floats of a vector; rows of a product's register block */
  struct winograd_costs costs;
  int64_t chain, chain_back_data; /* of struct winograd */
  int64_t exact_back_data;    /* width up to which F3 errs by data no more than direct kernels */
  int64_t exact_back_weights; /* fewest rows of dy in a thread's share for that, by weights */
  int64_t stream_from;        /* floats of y from which it is stored past the caches */
  fmp_range_fn transform_weights; /* of panels [begin, end) */
  fmp_range_fn run_parts;         /* forward and by data, of parts [begin, end) */
  fmp_range_fn sum_parts;         /* by weights: parts [begin, end) into their sums */
  fmp_range_fn finish_weights;    /* by weights: of panels [begin, end), all parts' sums to dw */
};

/* NULL where the processor lacks it. */
const struct winograd_isa *winograd_avx2(void);
const struct winograd_isa *winograd_avx512(void);

/* Tiles of F(m, 2), m high and m_x wide. */
struct winograd_shape {
  int m, m_x;
  int64_t exact_channels; /* fewest `from` channels for `exact`, forward and by data */
};

enum { WINOGRAD_SHAPES = 6, WINOGRAD_FASTEST = WINOGRAD_SHAPES };

/* The largest m that `exact` takes: see the bound in transforms.h. */
enum { WINOGRAD_EXACT_MOST = 3 };

extern const struct winograd_shape winograd_shapes[WINOGRAD_SHAPES];

/* Fills in all that follows from a tile's shape. */
void winograd_set_tile(struct winograd *w, const struct winograd_isa *isa,
                       const struct winograd_shape *shape);
/* That shape if the accuracy ("exact", "fast", "off") allows it; WINOGRAD_FASTEST: the one that is
 * estimated to be the fastest of those that it allows. NULL: none, or a direct convolution is
 * faster. w: direction, channels and axes are set. */
const struct winograd_shape *winograd_choose(const struct winograd *w,
                                             const struct winograd_isa *isa, const char *accuracy,
                                             int shape);

static inline int64_t winograd_round_up(int64_t n, int64_t step)
{
  return (n + step - 1) / step * step;
}
static inline int winograd_points(const struct winograd *w) { return w->m + 1; }
static inline int winograd_frequencies(const struct winograd *w)
{
  return winograd_points(w) * winograd_points(w);
}

#endif
