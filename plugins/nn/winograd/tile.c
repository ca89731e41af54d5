/* SPDX-License-Identifier: Apache-2.0
 * Which tile, and what follows from it. */
#include <string.h>

#include "winograd.h"

/* -- sizes ----------------------------------------------------------------- */

static int64_t panel_of(const struct winograd_isa *isa) { return 2 * isa->lanes; }

/* Tiles along one axis: the whole ones, or the one that is left. */
struct stretch {
  int p;
  int64_t first, tiles;
};

static struct stretch stretch_of(const struct winograd_axis *a, int m, int is_rest)
{
  const int rest = (int)(a->out % m);
  if (!is_rest) return (struct stretch){.p = m, .first = 0, .tiles = a->out / m};
  return (struct stretch){.p = rest, .first = a->out - rest, .tiles = rest > 0};
}

static void set_lists(struct winograd *w, int64_t block)
{
  for (int i = 0; i < LISTS; i++) {
    const struct stretch y = stretch_of(&w->y, w->m, i / 2), x = stretch_of(&w->x, w->m_x, i % 2);
    const int64_t tiles = w->n * y.tiles * x.tiles;
    w->lists[i] = (struct winograd_list){
        .p_y = y.p,
        .p_x = x.p,
        .first_y = y.first,
        .first_x = x.first,
        .step_y = w->m,
        .step_x = w->m_x,
        .down = y.tiles,
        .across = x.tiles,
        .tiles = tiles,
        .blocks = (tiles + block - 1) / block,
    };
  }
}

/* Stretches of scratch memory as forward.inc and weights.inc lay them out. */
static void set_scratch(struct winograd *w, const struct winograd_isa *isa)
{
  const int64_t f = winograd_frequencies(w), from = w->from_pad, to = w->to_pad;
  if (w->direction == CONV_BACK_WEIGHTS) {
    const int64_t blocks = BLOCK_TILES_WEIGHTS * (from + to);
    w->part_size = from + to + f * (from * to + blocks + 3 * PLANE_PAD);
  } else {
    const int64_t chunk = CHUNK_PANELS * panel_of(isa);
    w->weights_size = f * w->from * to;
    w->part_size = from + f * (BLOCK_TILES * (from + chunk) + 2 * PLANE_PAD);
  }
  w->part_size = winograd_round_up(w->part_size, 1024);
  w->weights_size = winograd_round_up(w->weights_size, 1024);
}

void winograd_set_tile(struct winograd *w, const struct winograd_isa *isa,
                       const struct winograd_shape *shape)
{
  const int by_weights = w->direction == CONV_BACK_WEIGHTS;
  w->m = shape->m;
  w->m_x = shape->m_x;
  set_lists(w, by_weights ? BLOCK_TILES_WEIGHTS : BLOCK_TILES);
  w->to_pad = winograd_round_up(w->to, panel_of(isa));
  w->from_pad = winograd_round_up(w->from, isa->lanes);
  w->chain = w->direction == CONV_BACK_DATA && w->m == 3 ? isa->chain_back_data : isa->chain;
  set_scratch(w, isa);
}

/* -- accuracy -------------------------------------------------------------- */

/* Narrow tiles of F3 transform one axis only: half as much is gained, and half as much lost. F1 is
 * a direct convolution as products of matrices, for images too small for oneDNN's kernels. */
const struct winograd_shape winograd_shapes[WINOGRAD_SHAPES] = {
    {1, 1, 1}, {2, 2, 24}, {3, 3, 16}, {4, 4, 0}, {5, 5, 0}, {3, 1, 8},
};

/* A direct kernel adds up a thread's share of the pixels one by one, so the more there are, the
 * more it errs; F3 errs by its transforms, however few there are. Small images are not shared out:
 * threads have channels of their own there. F2 needs twice as many pixels. */
static int adds_up_enough(const struct winograd *w, const struct winograd_isa *isa, int m)
{
  enum { SMALL = 6 };
  const int64_t rows = w->n * w->y.out, parts = w->x.out > SMALL ? w->parts : 1;
  return rows >= isa->exact_back_weights * parts * (m == 3 ? 1 : 2);
}

/* What holds for any numbers is the bound in transforms.h, because of which `exact` takes no tile
 * beyond F3. Of the rest it takes those with at most 1.2 times the error of a direct convolution of
 * normal numbers in the paper's layers, measured as ||error|| / ||y|| against f64. Forward, F3 has
 * 0.4 to 1.1 times that error, F2 0.4 to 1.2 times; by weights, F3 has 0.2 to 1.1 times where
 * enough pixels are added up. By data it depends on the direct kernel; there narrow tiles of F3
 * have 0.7 to 1.1 times the error of the best. The fewer channels there are, the smaller is the
 * error of a direct kernel, and the larger the transforms' part: F3 has 1.3 times its error with 8
 * channels, 1.8 times with 3. F4 has 1 to 5 times, F5 1 to 10 times. */
static int allows(const struct winograd *w, const struct winograd_isa *isa, const char *accuracy,
                  const struct winograd_shape *shape)
{
  if (strcmp(accuracy, "exact") != 0) return strcmp(accuracy, "fast") == 0;
  if (shape->m == 1) return 1; /* nothing is transformed */
  if (shape->m > WINOGRAD_EXACT_MOST) return 0;
  if (w->direction == CONV_BACK_WEIGHTS) return adds_up_enough(w, isa, shape->m);
  if (w->from < shape->exact_channels) return 0;
  if (w->direction == CONV_FORWARD) return 1;
  return shape->m == 3 && (shape->m_x == 1 || w->x.out <= isa->exact_back_data);
}

/* -- time ------------------------------------------------------------------ */

static double ceil_div(int64_t n, int64_t step) { return (double)((n + step - 1) / step); }

/* How many whole register blocks take as long: they may have thirds of the rows, and half of the
 * width. */
static double blocks_of(const struct winograd_isa *isa, double thirds, int64_t channels)
{
  return thirds / 3 * ceil_div(channels, isa->lanes) / 2;
}

static int64_t thirds_of(const struct winograd_isa *isa, int64_t rows)
{
  const int64_t third = isa->rows / 3;
  return (rows + third - 1) / third;
}

/* A register block of 2 ROWS vectors takes 2 ROWS multiply-adds for each step of `depth`. */
static double products(const struct winograd_isa *isa, double blocks, double depth)
{
  return blocks * (2 * isa->rows * depth + isa->costs.product);
}

/* For a vector of one frequency. Whole tiles, and edges of F3, are transformed in registers. */
static double transform_cost(const struct winograd *w, const struct winograd_isa *isa,
                             const struct winograd_list *list)
{
  const int whole = (list->p_y == w->m) + (list->p_x == w->m);
  const int in_registers = whole == 2 || (w->m == 3 && whole == 1);
  return isa->costs.transform[w->m] + (in_registers ? 0 : isa->costs.edge);
}

/* Inputs and outputs are transformed once. Each block multiplies by all transformed weights, or
 * adds to all sums: more than the cache holds beside its tiles. All parts take as long as the one
 * with the most rows. */
static double estimate_list(const struct winograd *w, const struct winograd_isa *isa,
                            const struct winograd_list *list)
{
  const double f = (list->p_y + 1) * (list->p_x + 1), tiles = (double)list->tiles;
  const double from = ceil_div(w->from, isa->lanes), to = ceil_div(w->to, isa->lanes);
  const double blocks = (double)list->blocks;
  if (list->tiles == 0) return 0;
  const double other = tiles * f * (from + to) * transform_cost(w, isa, list) +
                       blocks * f * to * (double)w->from * isa->costs.fetch;
  if (w->direction != CONV_BACK_WEIGHTS) {
    const double thirds = (double)winograd_round_up(thirds_of(isa, list->tiles), w->parts);
    return other + products(isa, f * blocks_of(isa, thirds, w->to), (double)w->from);
  }
  const double thirds = (double)thirds_of(isa, w->from_pad) * blocks;
  return other + products(isa, f * blocks_of(isa, thirds, w->to), tiles / blocks);
}

static double estimate(const struct winograd *w, const struct winograd_isa *isa)
{
  double sum =
      winograd_frequencies(w) * (double)w->from * ceil_div(w->to, isa->lanes) * isa->costs.weights;
  for (int i = 0; i < LISTS; i++) sum += estimate_list(w, isa, &w->lists[i]);
  return sum;
}

static double estimate_direct(const struct winograd *w, const struct winograd_isa *isa)
{
  const int back = w->direction == CONV_BACK_DATA;
  const double pixels = back ? (double)(w->y.in * w->x.in) : (double)(w->y.out * w->x.out);
  const double inner = (double)(back ? w->to : w->from);
  const double outer = ceil_div(back ? w->from : w->to, isa->lanes);
  const double narrow = back ? 0 : isa->costs.narrow / pixels;
  return 4 * (double)w->n * pixels * inner * outer * isa->costs.direct[w->direction] * (1 + narrow);
}

static const struct winograd_shape *fastest(const struct winograd *w,
                                            const struct winograd_isa *isa, const char *accuracy)
{
  const struct winograd_shape *best = NULL;
  double least = estimate_direct(w, isa);
  for (int i = 0; i < WINOGRAD_SHAPES; i++) {
    const struct winograd_shape *shape = &winograd_shapes[i];
    struct winograd with = *w;
    if (!allows(w, isa, accuracy, shape)) continue;
    winograd_set_tile(&with, isa, shape);
    const double time = estimate(&with, isa);
    if (!(time < least)) continue;
    least = time;
    best = shape;
  }
  return best;
}

const struct winograd_shape *winograd_choose(const struct winograd *w,
                                             const struct winograd_isa *isa, const char *accuracy,
                                             int shape)
{
  if (shape == WINOGRAD_FASTEST) return fastest(w, isa, accuracy);
  return allows(w, isa, accuracy, &winograd_shapes[shape]) ? &winograd_shapes[shape] : NULL;
}
