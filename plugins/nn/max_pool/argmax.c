/* SPDX-License-Identifier: Apache-2.0
 *
 * Finds what the fast gradients do not notice: an argmax that names no pixel of the image. */
#include "max_pool.h"

static int64_t bad_argmax(const uint8_t *argmax, int64_t n, int64_t taps)
{
  uint8_t largest = 0;
  for (int64_t i = 0; i < n; i++) largest = argmax[i] > largest ? argmax[i] : largest;
  if (largest < taps) return n;
  int64_t at = 0;
  while (argmax[at] < taps) at++;
  return at;
}

/* All channels of output (i, j), whose window lies partly in the padding. */
static fmp_status check_clipped(const struct pool_job *job, int64_t n, int64_t i, int64_t j,
                                const struct pool_span *rows, const struct pool_span *columns)
{
  const int64_t width = job->pool.window.x.size;
  const uint8_t *argmax = job->argmax + pool_y_at(&job->pool, n, i, j);
  for (int64_t c = 0; c < job->pool.c; c++) {
    const int64_t row = argmax[c] / width - rows->tap, column = argmax[c] % width - columns->tap;
    if (row < 0 || row >= pool_span_size(rows) || column < 0 || column >= pool_span_size(columns))
      return max_pool_refuse(job, n, i, j, c);
  }
  return FMP_OK;
}

static fmp_status check_row(const struct pool_job *job, int64_t n, int64_t i)
{
  const struct pool *p = &job->pool;
  const int64_t height = p->window.y.size, width = p->window.x.size, row = p->window.x.out * p->c;
  const struct pool_span rows = pool_span_of(&p->window.y, i);
  const int64_t bad = bad_argmax(job->argmax + pool_y_at(p, n, i, 0), row, height * width);
  if (bad < row) return max_pool_refuse(job, n, i, bad / p->c, bad % p->c);
  for (int64_t j = 0; j < p->window.x.out; j++) {
    const struct pool_span columns = pool_span_of(&p->window.x, j);
    if (pool_span_size(&rows) < height || pool_span_size(&columns) < width)
      FMP_TRY(check_clipped(job, n, i, j, &rows, &columns));
  }
  return FMP_OK;
}

/* Each row of windows has one first row in the image, so each is checked once. */
fmp_status max_pool_check(const struct pool_job *job, int64_t n, int64_t row)
{
  const struct window_axis *a = &job->pool.window.y;
  const struct pool_range windows = pool_holders(a, row);
  for (int64_t i = windows.first; i < windows.end; i++)
    if (pool_span_of(a, i).first == row) FMP_TRY(check_row(job, n, i));
  return FMP_OK;
}
