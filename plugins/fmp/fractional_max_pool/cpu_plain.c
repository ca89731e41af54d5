/* SPDX-License-Identifier: Apache-2.0
 *
 * The row functions in plain C, for any processor: blocks of channels in arrays that stay
 * in the first cache, with loops that compilers vectorise. */
#include "rows.h"

enum { LANES = 64 };
#define TARGET

struct best {
  float value[LANES];
  int32_t tap[LANES]; /* as wide as value, so that both go through the same registers */
};

struct total {
  float value[LANES];
};

static inline void best_start(struct best *b, const float *x, int lanes)
{
  for (int i = 0; i < lanes; i++) {
    b->value[i] = x[i];
    b->tap[i] = 0;
  }
}

/* NaN, which no comparison holds for, beats all but NaN. All is read in any case, here as
 * below, which lets compilers vectorise the loops. */
static inline void best_take(struct best *b, const float *x, int tap, int lanes)
{
  for (int i = 0; i < lanes; i++) {
    const float value = x[i], before = b->value[i];
    const int32_t before_tap = b->tap[i];
    const int larger = !(value <= before) & (before == before);
    b->value[i] = larger ? value : before;
    b->tap[i] = larger ? tap : before_tap;
  }
}

static inline void best_store(const struct best *b, const struct forward_row *r, int64_t at,
                              int lanes)
{
  const float slope = r->slope;
  float *y = r->y + at;
  if (r->leaky)
    for (int i = 0; i < lanes; i++) y[i] = POOL_LEAKY(b->value[i], slope);
  else
    for (int i = 0; i < lanes; i++) y[i] = b->value[i];
  for (int i = 0; i < lanes && r->argmax != NULL; i++) r->argmax[at + i] = (uint8_t)b->tap[i];
}

static inline void total_start(struct total *t, int lanes)
{
  for (int i = 0; i < lanes; i++) t->value[i] = 0;
}

/* A sum that starts at +0 is never -0, so adding 0 where nothing is due changes no bit. */
static inline void total_take(struct total *t, const struct back_row *r, int64_t from, int tap,
                              int activated, int lanes)
{
  const float *dy = r->dy + from, slope = r->slope;
  const uint8_t *argmax = r->argmax + from;
  for (int i = 0; i < lanes && !activated; i++) {
    const float given = dy[i];
    t->value[i] += argmax[i] == tap ? given : 0.0F;
  }
  for (int i = 0; i < lanes && activated; i++) {
    const float given = POOL_LEAKY_BACK(dy[i], r->y[from + i], slope);
    t->value[i] += argmax[i] == tap ? given : 0.0F;
  }
}

static inline void total_store(const struct total *t, const struct back_row *r, int64_t at,
                               int lanes)
{
  for (int i = 0; i < lanes; i++) r->dx[at + i] = t->value[i];
}

#include "rows.inc"

static fmp_status run(const fmp_call *call) { return rows_forward(call, forward_row); }
static fmp_status run_back(const fmp_call *call) { return rows_back(call, back_row); }

fmp_status pool_add_plain(const fmp_host *h, fmp_registry *r)
{
  return rows_add(h, r, "plain", 100, run, run_back);
}
