/* SPDX-License-Identifier: Apache-2.0
 *
 * windows.h: from sequences of positions to windows, checked, as tables that every kernel
 * reads. Both kinds of window, and whatever they overlap, look alike from there on.
 *
 * Window i of an axis is the pixels [start[i], start[i] + size[i]). Starts rise from
 * window to window and ends do too, so the windows that hold pixel k are neighbours:
 * [first[k], first[k] + count[k]), none where no window reaches.
 */
#ifndef FMP_FMP_WINDOWS_H
#define FMP_FMP_WINDOWS_H

#include "../axis.h"

struct pool_params {
  const char *window;
  fmp_list pool;
  int32_t overlapping;
  double slope; /* of an activation of the maxima; 1: none */
};

/* One axis of an op, for all images. */
struct axis {
  int64_t in, out;      /* pixels, windows */
  int64_t sequences;    /* 1, or one for each image */
  int64_t pool;         /* every window's size; 0: boundaries */
  int32_t overlapping;  /* boundaries: a window ends on the next one's first pixel */
  const int32_t *given; /* [sequences, length] positions */
  int32_t *tables;      /* [sequences, axis_table_length] */
};

struct pooling {
  int64_t n, c;
  struct axis axis[2];
};

/* The tables of one image along one axis. */
struct windows {
  const int32_t *start, *size;  /* [out] */
  const int32_t *first, *count; /* [in] */
};

/* -- places in the tables ---------------------------------------------------- */

/* Positions of one sequence. */
static inline int64_t axis_length(const struct axis *a) { return a->out + (a->pool == 0); }

/* start, size, first, count, and the largest size. */
static inline int64_t axis_table_length(const struct axis *a) { return 2 * (a->out + a->in) + 1; }

static inline int32_t *axis_table(const struct axis *a, int64_t image)
{
  return a->tables + (a->sequences > 1 ? image : 0) * axis_table_length(a);
}

static inline struct windows axis_windows(const struct axis *a, int64_t image)
{
  const int32_t *t = axis_table(a, image);
  const struct windows w = {t, t + a->out, t + 2 * a->out, t + 2 * a->out + a->in};
  return w;
}

/* Where channel 0 of pixel (i, j) of image n is, in x and in y. */
static inline int64_t pooling_x_at(const struct pooling *p, int64_t n, int64_t i, int64_t j)
{
  return ((n * p->axis[0].in + i) * p->axis[1].in + j) * p->c;
}

static inline int64_t pooling_y_at(const struct pooling *p, int64_t n, int64_t i, int64_t j)
{
  return ((n * p->axis[0].out + i) * p->axis[1].out + j) * p->c;
}

/* -- functions ---------------------------------------------------------------- */

/* Checks x, rows and cols by their specs and fills p, but for `given` and `tables`. */
fmp_status pooling_make(const fmp_host *h, const struct pool_params *params, const fmp_spec *x,
                        const fmp_spec sequences[2], struct pooling *p);
/* Bytes of the tables of both axes. */
size_t pooling_scratch(const fmp_spec *x, const fmp_spec *y, const fmp_spec sequences[2]);
/* pooling_make from the views of a call; then checks the positions and makes the tables,
 * in scratch memory of the call. */
fmp_status pooling_begin(const fmp_call *call, const fmp_view *x, const fmp_view sequences[2],
                         void *scratch, struct pooling *p);

#endif
