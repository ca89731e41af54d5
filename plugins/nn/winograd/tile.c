/* SPDX-License-Identifier: Apache-2.0
 * Which tile, and what follows from it. */
#include <stdlib.h>
#include <string.h>

#include "transforms.h"
#include "winograd.h"

/* -- sizes ----------------------------------------------------------------- */

static int64_t tiles_of(const struct winograd_axis *a, int m) { return (a->out + m - 1) / m; }

static int64_t panel_of(const struct winograd_isa *isa) { return 2 * isa->lanes; }

static void set_list(struct winograd *w, int64_t block)
{
  w->y.tiles = tiles_of(&w->y, w->m);
  w->x.tiles = tiles_of(&w->x, w->m);
  w->tiles = w->n * w->y.tiles * w->x.tiles;
  w->blocks = (w->tiles + block - 1) / block;
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

void winograd_set_tile(struct winograd *w, const struct winograd_isa *isa, int m)
{
  const int by_weights = w->direction == CONV_BACK_WEIGHTS;
  w->m = m;
  set_list(w, by_weights ? BLOCK_TILES_WEIGHTS : BLOCK_TILES);
  w->to_pad = winograd_round_up(w->to, panel_of(isa));
  w->from_pad = winograd_round_up(w->from, isa->lanes);
  if (by_weights) w->from_pad = winograd_round_up(w->from_pad, isa->rows);
  set_scratch(w, isa);
}

/* -- accuracy -------------------------------------------------------------- */

/* Measured, as ||error|| / ||y|| against f64 on normal numbers, over the paper's layers: F3
 * errs no more than a direct convolution, forward 0.3 to 1 times as much, by weights 0.4 to
 * 1.1 times; F2 forward alike. F4 errs 2 to 8 times as much, F5 3 to 16 times. */
static int allows(const struct winograd *w, const struct winograd_isa *isa, const char *accuracy,
                  int m)
{
  if (strcmp(accuracy, "exact") != 0) return strcmp(accuracy, "fast") == 0;
  switch (w->direction) {
  case CONV_FORWARD: return m <= 3;
  case CONV_BACK_DATA: return m == 3 && isa->exact_back_data;
  default: return m == 3;
  }
}

/* -- time ------------------------------------------------------------------ */

static double ceil_div(int64_t n, int64_t step) { return (double)((n + step - 1) / step); }

/* A register block of 2 ROWS vectors takes as many multiply-adds for each of `depth`. */
static double products(const struct winograd_isa *isa, double blocks, double depth)
{
  return blocks * (2 * isa->rows * depth + isa->costs.product);
}

static double estimate(const struct winograd *w, const struct winograd_isa *isa)
{
  const double f = winograd_frequencies(w), tiles = (double)w->tiles;
  const double from = ceil_div(w->from, isa->lanes), to = ceil_div(w->to, isa->lanes);
  const double panels = (double)(w->to_pad / panel_of(isa));
  const double transforms = tiles * f * (from + to) * isa->costs.transform;
  if (w->direction != CONV_BACK_WEIGHTS)
    return transforms + products(isa, f * panels * ceil_div(w->tiles, isa->rows), (double)w->from);
  const double rows = (double)(w->from_pad / isa->rows) * (double)w->blocks;
  return transforms + products(isa, f * panels * rows, tiles / (double)w->blocks);
}

static double estimate_direct(const struct winograd *w, const struct winograd_isa *isa)
{
  const int back = w->direction == CONV_BACK_DATA;
  const double pixels = back ? (double)(w->y.in * w->x.in) : (double)(w->y.out * w->x.out);
  const double inner = (double)(back ? w->to : w->from);
  const double outer = ceil_div(back ? w->from : w->to, isa->lanes);
  return 4 * (double)w->n * pixels * inner * outer * isa->costs.direct;
}

/* FMP_WINOGRAD_TILE=3 takes F3 wherever accuracy is not "off", whatever it costs: for tests
 * and measurements. 0: not set. */
static int forced_tile(const char *accuracy)
{
  const char *text = getenv("FMP_WINOGRAD_TILE");
  if (text == NULL || strcmp(accuracy, "off") == 0) return 0;
  const long m = strtol(text, NULL, 10);
  return m >= TILE_LEAST && m <= TILE_MOST ? (int)m : 0;
}

int winograd_choose_tile(const struct winograd *w, const struct winograd_isa *isa,
                         const char *accuracy)
{
  double least = estimate_direct(w, isa);
  int best = forced_tile(accuracy);
  if (best != 0) return best;
  for (int m = TILE_LEAST; m <= TILE_MOST; m++) {
    struct winograd with = *w;
    winograd_set_tile(&with, isa, m);
    const double time = estimate(&with, isa);
    if (!allows(w, isa, accuracy, m) || !(time < least)) continue;
    least = time;
    best = m;
  }
  return best;
}
