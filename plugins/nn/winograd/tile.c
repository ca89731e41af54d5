/* SPDX-License-Identifier: Apache-2.0
 * Which tile, and what follows from it. */
#include <string.h>

#include "transforms.h"
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
  if (by_weights) w->from_pad = winograd_round_up(w->from_pad, isa->rows);
  w->chain = w->direction == CONV_BACK_DATA && w->m == 3 ? isa->chain_back_data : isa->chain;
  set_scratch(w, isa);
}

/* -- accuracy -------------------------------------------------------------- */

/* Narrow tiles of F3 transform one axis only: half as much is gained, and as little lost. */
const struct winograd_shape winograd_shapes[WINOGRAD_SHAPES] = {
    {2, 2}, {3, 3}, {4, 4}, {5, 5}, {3, 1},
};

/* Measured, as ||error|| / ||y|| against f64 on normal numbers, over the paper's layers: F3
 * errs no more than a direct convolution, forward 0.4 to 1 times as much, by weights 0.2 to
 * 0.9 times, F2 forward 0.4 to 1.2 times, by weights 0.3 to 0.9. By data it depends on the
 * direct kernel; there narrow tiles of F3 err 0.7 to 1.1 times as much as the best. F4 errs 1
 * to 5 times as much, F5 1 to 10 times. */
static int allows(const struct winograd *w, const struct winograd_isa *isa, const char *accuracy,
                  const struct winograd_shape *shape)
{
  if (strcmp(accuracy, "exact") != 0) return strcmp(accuracy, "fast") == 0;
  if (w->direction != CONV_BACK_DATA) return shape->m <= 3;
  return shape->m == 3 && (shape->m_x == 1 || w->x.out <= isa->exact_back_data);
}

/* -- time ------------------------------------------------------------------ */

static double ceil_div(int64_t n, int64_t step) { return (double)((n + step - 1) / step); }

/* A register block of 2 ROWS vectors takes as many multiply-adds for each of `depth`. */
static double products(const struct winograd_isa *isa, double blocks, double depth)
{
  return blocks * (2 * isa->rows * depth + isa->costs.product);
}

/* Additions by a vector in BT d B, by m: two axes, each with the terms of BT's rows beyond
 * the first over its m + 1 points. */
static const double additions[TILE_MOST + 1] = {
    [2] = 4. / 3, [3] = 2, [4] = 22. / 5, [5] = 16. / 3};

/* Inputs and outputs are transformed once. Each block multiplies by all transformed weights,
 * or adds to all sums, which are more than its cache holds beside its tiles. */
static double estimate_list(const struct winograd *w, const struct winograd_isa *isa,
                            const struct winograd_list *list)
{
  const double f = (list->p_y + 1) * (list->p_x + 1), tiles = (double)list->tiles;
  const double from = ceil_div(w->from, isa->lanes), to = ceil_div(w->to, isa->lanes);
  const double panels = (double)(w->to_pad / panel_of(isa)), blocks = (double)list->blocks;
  if (list->tiles == 0) return 0;
  const double other = tiles * f * (from + to) * (isa->costs.transform + additions[w->m]) +
                       blocks * f * panels * 2 * (double)w->from * isa->costs.fetch;
  if (w->direction != CONV_BACK_WEIGHTS)
    return other + products(isa, f * panels * ceil_div(list->tiles, isa->rows), (double)w->from);
  const double rows = (double)(w->from_pad / isa->rows) * blocks;
  return other + products(isa, f * panels * rows, tiles / blocks);
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
  return 4 * (double)w->n * pixels * inner * outer * isa->costs.direct;
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
