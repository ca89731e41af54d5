/* SPDX-License-Identifier: Apache-2.0
 *
 * sequence.h: where the pooling regions along one axis lie.
 *
 * M windows on N pixels. Both kinds of window are a walk of `steps` steps, from 0 to
 * `length`, each step `least` or `least + 1` long:
 *
 *   boundaries   M steps to N; window i is [p(i), p(i+1))          p(0) = 0, p(M) = N
 *   fixed        M - 1 steps to N - pool; window i starts at p(i)  p(0) = 0, p(M-1) = N - pool
 *                (M = 1 has no step: the one window is the last, at N - pool)
 *
 * random: the right number of short and long steps, in random order.
 * pseudorandom: with alpha = length / steps and one u for the walk, in f64,
 *
 *   tensorflow   p(i) = ceil(alpha (i + u)) - 1; ends as above;
 *                0 < u <= min((k + 2) / alpha - 1, (N + 1 - k) / alpha - (M - 1)), k = least
 *   paper        p(i) = ceil(alpha (i + u)) - ceil(alpha u),      0 < u <= 1
 *   graham       p(i) = floor(alpha (i + u)) - floor(alpha u),    0 < u <= 1
 *
 * Fixed windows always use the last: Graham's code for overlapping regions, and PyTorch.
 * In doubles these formulas now and then miss the end or a step by one (15 -> 11 under
 * "graham"; u too small beside an integer alpha under "tensorflow"), and a u that is
 * given may be out of range: each position is clamped to where a legal walk can be.
 *
 * No formula adds a product, so compilers cannot contract anything: the same bits everywhere.
 */
#ifndef FMP_FMP_SEQUENCE_H
#define FMP_FMP_SEQUENCE_H

#include <math.h>

#include "fmp/kit/philox.h"

enum { SEQUENCE_TENSORFLOW, SEQUENCE_PAPER, SEQUENCE_GRAHAM };

struct sequence {
  int64_t length, steps;
  int64_t least; /* alpha rounded down: the shorter step */
  double alpha;  /* length / steps */
  int formula;
};

/* fixed: pool >= 1; boundaries: pool 0. */
FMP_KIT_FN struct sequence sequence_of(int64_t in, int64_t out, int64_t pool, int formula)
{
  struct sequence s;
  s.length = in - pool;
  s.steps = pool > 0 ? out - 1 : out;
  s.least = s.steps > 0 ? s.length / s.steps : 0;
  s.alpha = s.steps > 0 ? (double)s.length / (double)s.steps : 0;
  s.formula = pool > 0 ? SEQUENCE_GRAHAM : formula;
  return s;
}

/* -- draws ------------------------------------------------------------------ */

/* Philox words one after another, from a block on that belongs to this sequence alone. */
struct sequence_draws {
  fmp_philox_key key;
  uint64_t step;
  uint32_t sample, block, words[4];
  int left;
};

FMP_KIT_FN uint32_t sequence_word(struct sequence_draws *d)
{
  if (d->left == 0) {
    fmp_philox(d->key, d->step, d->sample, d->block++, d->words);
    d->left = 4;
  }
  return d->words[4 - d->left--];
}

/* Uniform on [0, n), without bias: Lemire's multiplication with rejection. */
FMP_KIT_FN uint32_t sequence_below(struct sequence_draws *d, uint32_t n)
{
  uint64_t product = (uint64_t)sequence_word(d) * n;
  if ((uint32_t)product < n) {
    const uint32_t surplus = (0u - n) % n;
    while ((uint32_t)product < surplus) product = (uint64_t)sequence_word(d) * n;
  }
  return (uint32_t)(product >> 32);
}

/* Largest u that keeps all steps legal. */
FMP_KIT_FN double sequence_u_max(const struct sequence *s)
{
  const double k = (double)s->least;
  const double at_start = (k + 2) / s->alpha - 1;
  const double at_end = ((double)s->length + 1 - k) / s->alpha - (double)(s->steps - 1);
  if (s->formula != SEQUENCE_TENSORFLOW) return 1;
  return at_start < at_end ? at_start : at_end;
}

/* Uniform on (0, largest], of 53 bits. */
FMP_KIT_FN double sequence_draw_u(const struct sequence *s, struct sequence_draws *d)
{
  const uint32_t high = sequence_word(d), low = sequence_word(d);
  return s->steps > 0 ? (fmp_uniform_f64(high, low) + 0x1p-53) * sequence_u_max(s) : 1;
}

/* -- walks ------------------------------------------------------------------ */

/* floor or ceil of alpha (i + u): the formula's p(i), but for a constant. */
FMP_KIT_FN double sequence_formula(const struct sequence *s, double u, int64_t i)
{
  const double at = s->alpha * ((double)i + u);
  return s->formula == SEQUENCE_GRAHAM ? floor(at) : ceil(at);
}

/* The position nearest to `wanted` that is a legal step from `previous` = p(i - 1) and
 * leaves legal steps to the end. */
FMP_KIT_FN int64_t sequence_legal(const struct sequence *s, int64_t i, int64_t previous,
                                  double wanted)
{
  const int64_t left = s->steps - i, most = s->least + 1;
  const int64_t near = previous + s->least, far = previous + most;
  const int64_t late = s->length - left * most, early = s->length - left * s->least;
  const int64_t low = near > late ? near : late, high = far < early ? far : early;
  if (!(wanted > (double)low)) return low;
  return wanted < (double)high ? (int64_t)wanted : high;
}

/* p[0..steps]. */
FMP_KIT_FN void sequence_walk(const struct sequence *s, double u, int32_t *p)
{
  const double origin = s->formula == SEQUENCE_TENSORFLOW ? 1 : sequence_formula(s, u, 0);
  p[0] = s->steps > 0 ? 0 : (int32_t)s->length;
  for (int64_t i = 1; i <= s->steps; i++)
    p[i] = (int32_t)sequence_legal(s, i, p[i - 1], sequence_formula(s, u, i) - origin);
}

/* p[0..steps]: Fisher and Yates' shuffle of the steps, then their sums. */
FMP_KIT_FN void sequence_shuffle(const struct sequence *s, struct sequence_draws *d, int32_t *p)
{
  const int64_t longer = s->length - s->steps * s->least;
  p[0] = s->steps > 0 ? 0 : (int32_t)s->length;
  for (int64_t i = 0; i < s->steps; i++) p[1 + i] = (int32_t)(s->least + (i < longer));
  for (int64_t i = s->steps - 1; i > 0; i--) {
    const int64_t j = sequence_below(d, (uint32_t)i + 1);
    const int32_t kept = p[1 + i];
    p[1 + i] = p[1 + j];
    p[1 + j] = kept;
  }
  for (int64_t i = 1; i <= s->steps; i++) p[i] += p[i - 1];
}

#endif
