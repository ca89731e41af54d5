/* SPDX-License-Identifier: Apache-2.0
 *
 * The row functions in plain C, for any processor: blocks of channels in arrays that stay
 * in the first cache, with loops that compilers vectorise. */
#include "fmp/kit/half.h"
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

/* Element i of data. */
INLINE float element(const void *data, int64_t i, int low)
{
  return low ? fmp_bf16_to_f32(((const uint16_t *)data)[i]) : ((const float *)data)[i];
}

INLINE void store(void *data, int64_t at, const float *value, int low, int lanes)
{
  for (int i = 0; i < lanes && low; i++) ((uint16_t *)data)[at + i] = fmp_bf16_of_f32(value[i]);
  for (int i = 0; i < lanes && !low; i++) ((float *)data)[at + i] = value[i];
}

INLINE void best_start(struct best *b, const struct forward_row *r, int64_t from, int low,
                       int lanes)
{
  for (int i = 0; i < lanes; i++) {
    b->value[i] = element(r->x, from + i, low);
    b->tap[i] = 0;
  }
}

/* NaN, for which every comparison is false, beats everything but NaN. Everything is read in any
 * case, here and below, which lets compilers vectorise the loops. */
INLINE void best_take(struct best *b, const struct forward_row *r, int64_t from, int tap, int low,
                      int lanes)
{
  for (int i = 0; i < lanes; i++) {
    const float value = element(r->x, from + i, low), before = b->value[i];
    const int32_t before_tap = b->tap[i];
    const int larger = !(value <= before) & (before == before);
    b->value[i] = larger ? value : before;
    b->tap[i] = larger ? tap : before_tap;
  }
}

INLINE int best_of_few(struct best *b, const struct forward_row *r, int64_t from, int height,
                       int width, int low, int lanes)
{
  (void)b, (void)r, (void)from, (void)height, (void)width, (void)low, (void)lanes;
  return 0;
}

INLINE void best_store(struct best *b, const struct forward_row *r, int64_t at, int low, int lanes)
{
  const float slope = r->slope;
  const int leaky = r->leaky && slope > 0, rectified = r->leaky && !leaky;
  for (int i = 0; i < lanes && leaky; i++) b->value[i] = POOL_LEAKY(b->value[i], slope);
  for (int i = 0; i < lanes && rectified; i++) b->value[i] = POOL_RELU(b->value[i]);
  store(r->y, at, b->value, low, lanes);
  for (int i = 0; i < lanes && r->argmax != NULL; i++) r->argmax[at + i] = (uint8_t)b->tap[i];
}

INLINE void total_start(struct total *t, int lanes)
{
  for (int i = 0; i < lanes; i++) t->value[i] = 0;
}

/* A sum that starts at +0 is never -0, so adding 0 where there is nothing to add changes no bit. */
INLINE void total_take(struct total *t, const struct back_row *r, int64_t from, int tap,
                       int activated, int low, int lanes)
{
  const float slope = r->slope;
  const uint8_t *argmax = r->argmax + from;
  for (int i = 0; i < lanes && !activated; i++) {
    const float given = element(r->dy, from + i, low);
    t->value[i] += argmax[i] == tap ? given : 0.0F;
  }
  for (int i = 0; i < lanes && activated; i++) {
    const float dy = element(r->dy, from + i, low), y = element(r->y, from + i, low);
    const float given = slope > 0 ? POOL_LEAKY_BACK(dy, y, slope) : POOL_RELU_BACK(dy, y);
    t->value[i] += argmax[i] == tap ? given : 0.0F;
  }
}

INLINE void total_store(const struct total *t, const struct back_row *r, int64_t at, int low,
                        int lanes)
{
  store(r->dx, at, t->value, low, lanes);
}

#include "rows.inc"

const struct row_functions rows_plain = {forward_row, back_row};
