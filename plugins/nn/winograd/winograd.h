/* SPDX-License-Identifier: Apache-2.0
 *
 * winograd.h: 2x2 convolutions with stride 1 in the transformed domain, for f32.
 *
 * The output is cut into tiles of m x m. A tile needs (m+1) x (m+1) inputs; both are
 * transformed (see transforms.h), and the convolution becomes one matrix product for each
 * of the t*t = (m+1)^2 frequencies:
 *
 *   product[f] [tiles, to] = inputs[f] [tiles, from] * weights[f] [from, to]
 *
 * The gradient by data is the same with the kernel turned by half and channels changed
 * over, on dy with its padding: `from` are dy's channels. The gradient by weights adds up
 *   sums[f] [ic, oc] += inputs[f]^T [ic, tiles] * outputs[f] [tiles, oc]
 * over all tiles, and is transformed once at the end.
 *
 * Tiles of all images stand in one list, of which threads take blocks. What a block needs
 * stays in the second cache.
 */
#ifndef FMP_NN_WINOGRAD_H
#define FMP_NN_WINOGRAD_H

#include "../conv2d/conv.h"

/* Tiles of a block: forward and by data, by weights. Both are multiples of the rows of a
 * product's register block. Inputs of 24 tiles, 16 frequencies and 128 channels are 196 KB. */
enum { BLOCK_TILES = 24, BLOCK_TILES_WEIGHTS = 48 };

/* Panels of `to` channels whose products wait for their transform at a time. */
enum { CHUNK_PANELS = 4 };

/* Between the planes of two frequencies, so that they do not fall on the same cache sets. */
enum { PLANE_PAD = 16 };

struct winograd_axis {
  int64_t in, out; /* pixels of what is read and of what is made */
  int64_t before;  /* zeros ahead of the first pixel; negative: pixels skipped */
  int64_t tiles;   /* of one image along this axis */
};

/* A problem made ready, never written afterwards. By weights: from = ic, to = oc. */
struct winograd {
  int direction; /* CONV_* */
  int m;
  int64_t n, from, to;
  struct winograd_axis y, x;
  int64_t tiles, blocks, parts; /* blocks are shared out to `parts` threads */
  int64_t from_pad, to_pad;     /* channels as they lie in scratch memory */
  double slope;                 /* of the activation behind a forward run; 1: none */
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
};

/* What things cost on one instruction set, in the time of one fused multiply-add of
 * vectors; fitted to measurements of the paper's layers. */
struct winograd_costs {
  double product;   /* of a register block beside its multiplications */
  double transform; /* of one vector of one frequency, in or out */
  double direct;    /* of a multiply-add in a direct convolution, which is busy otherwise too */
};

/* The same functions for one instruction set. */
struct winograd_isa {
  int lanes, rows; /* floats of a vector; rows of a product's register block */
  struct winograd_costs costs;
  int exact_back_data; /* is F3's error by data no larger than that of direct kernels here? */
  fmp_range_fn transform_weights; /* of panels [begin, end) */
  fmp_range_fn run_parts;         /* forward and by data, of parts [begin, end) */
  fmp_range_fn sum_parts;         /* by weights: parts [begin, end) into their sums */
  fmp_range_fn finish_weights;    /* by weights: of panels [begin, end), all parts' sums to dw */
};

/* NULL where the processor lacks it. */
const struct winograd_isa *winograd_avx2(void);
const struct winograd_isa *winograd_avx512(void);

/* Fills in all that follows from m. */
void winograd_set_tile(struct winograd *w, const struct winograd_isa *isa, int m);
/* The m, of those that the accuracy ("exact", "fast", "off") allows, that is estimated to be
 * the fastest; 0 if that is a direct convolution. w: direction, channels and axes are set. */
int winograd_choose_tile(const struct winograd *w, const struct winograd_isa *isa,
                         const char *accuracy);

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
