/* SPDX-License-Identifier: Apache-2.0 */
#include "affine.h"

#include <math.h>

#include "fmp/kit/philox.h"

/* -- drawing --------------------------------------------------------------- */

/* [-limit, limit). */
static double within(uint32_t word, double limit)
{
  return limit * (2.0 * (double)fmp_uniform_f32(word) - 1.0);
}

/* A whole number in [-limit, limit]. */
static double whole_within(uint32_t word, int64_t limit)
{
  return (double)((int64_t)fmp_uniform_below(word, 0, (uint32_t)(2 * limit + 1)) - limit);
}

/* K of the header, as [k0 k1; k2 k3]. */
static void shear_or_rotate(uint32_t kind, double a, double k[4])
{
  const double table[3][4] = {{1, a, 0, 1}, {1, 0, a, 1}, {cos(a), -sin(a), sin(a), cos(a)}};
  for (int i = 0; i < 4; i++) k[i] = table[kind][i];
}

struct affine affine_draw(const struct affine_limits *l, const struct affine_key *whose)
{
  const fmp_philox_key key = fmp_philox_key_of(whose->seed, whose->node);
  uint32_t u[4], v[4];
  double k[4];
  fmp_philox(key, whose->step, whose->example, 0, u);
  fmp_philox(key, whose->step, whose->example, 1, v);
  const double flip = (double)fmp_uniform_f32(u[2]) < l->flip ? -1.0 : 1.0;
  const double sx = flip * (1.0 + within(u[0], l->stretch)), sy = 1.0 + within(u[1], l->stretch);
  const double tx = whole_within(v[1], l->translate), ty = whole_within(v[2], l->translate);
  shear_or_rotate((uint32_t)fmp_uniform_below(u[3], 0, 3), within(v[0], l->skew), k);
  /* F^-1 = diag(1/sx, 1/sy) K^-1, and K's determinant is 1. */
  struct affine a = {.xx = k[3] / sx, .xy = -k[1] / sx, .yx = -k[2] / sy, .yy = k[0] / sy};
  a.x0 = -(a.xx * tx + a.xy * ty);
  a.y0 = -(a.yx * tx + a.yy * ty);
  return a;
}

/* -- resampling ------------------------------------------------------------ */

/* Narrows [*first, *last) to where -1 < base + slope c < size, give or take one place:
 * the exact test is made for each pixel. */
static void narrow(double base, double slope, double size, int64_t *first, int64_t *last)
{
  if (fabs(slope) < 1e-9) return;
  const double p = (-1.0 - base) / slope, q = (size - base) / slope;
  const double low = fmin(p, q) - 1.0, high = fmax(p, q) + 2.0;
  if (low > (double)*first) *first = low < (double)*last ? (int64_t)low : *last;
  if (high < (double)*last) *last = high > (double)*first ? (int64_t)high : *first;
}

/* The image at row y, column x, both at most a pixel outside: four neighbours, weighted by
 * how near they are. */
static void sample(const struct geometry *g, const float *padded, double y, double x, float *out)
{
  const double row = floor(y), column = floor(x);
  const float wy = (float)(y - row), wx = (float)(x - column);
  const float w00 = (1 - wy) * (1 - wx), w01 = (1 - wy) * wx, w10 = wy * (1 - wx), w11 = wy * wx;
  const int64_t n = g->channels, stride = (g->width + 2) * n;
  const float *p = padded + ((int64_t)row + 1) * stride + ((int64_t)column + 1) * n;
  for (int64_t c = 0; c < n; c++)
    out[c] = w00 * p[c] + w01 * p[n + c] + w10 * p[stride + c] + w11 * p[stride + n + c];
}

/* The image's first row or column in the field, when it is centred and rounded. */
static int64_t margin(int64_t field, int64_t image)
{
  return field >= image ? (field - image) / 2 : -((image - field) / 2);
}

void affine_resample(const struct affine *a, const struct geometry *g, const float *padded,
                     float *field)
{
  const double h = (double)g->height, w = (double)g->width;
  const double half_y = (h - 1) / 2, half_x = (w - 1) / 2;
  const double centre_y = (double)margin(g->field_height, g->height) + half_y;
  const double centre_x = (double)margin(g->field_width, g->width) + half_x;
  for (int64_t r = 0; r < g->field_height; r++) {
    const double dy = (double)r - centre_y;
    const double x0 = a->xy * dy + a->x0 + half_x - a->xx * centre_x;
    const double y0 = a->yy * dy + a->y0 + half_y - a->yx * centre_x;
    int64_t first = 0, last = g->field_width;
    narrow(x0, a->xx, w, &first, &last);
    narrow(y0, a->yx, h, &first, &last);
    float *out = field + r * g->field_width * g->channels;
    for (int64_t c = first; c < last; c++) {
      const double x = a->xx * (double)c + x0, y = a->yx * (double)c + y0;
      if (x > -1 && x < w && y > -1 && y < h) sample(g, padded, y, x, out + c * g->channels);
    }
  }
}
