/* SPDX-License-Identifier: Apache-2.0
 *
 * Found by tests/nightly/library_grid.sh on oneDNN 2.6.3. The conditions of jit_1x1 by weights and
 * of brgconv were read in its source; the others are drawn around all cases that failed. What
 * later versions compute correctly is refused all the same: other kernels take it.
 */
#include "faults.h"

#include <string.h>

/* Strided kernels of 1x1 gather the pixels that they see where the stride divides the image. */
static int gathers_pixels(const struct conv *c)
{
  const struct window_axis *y = &c->window.y, *x = &c->window.x;
  return (y->stride > 1 || x->stride > 1) && y->before == 0 && x->before == 0 &&
         y->out * y->stride == y->in && x->out * x->stride == x->in;
}

/* They make room for the channels that there are, but step by whole blocks of channels. */
static int gathers_below_8(const struct conv_job *job)
{
  return job->c.group_ic < 8 && gathers_pixels(&job->c);
}

static int gathers_below_16(const struct conv_job *job)
{
  return job->c.group_ic < 16 && gathers_pixels(&job->c);
}

/* The part of a row that is all padding is not cleared before it is summed; rows of 29 pixels or
 * more take another loop, which is wrong for vertical dilation. */
static int sums_what_is_not_there(const struct conv_job *job)
{
  const struct window *w = &job->c.window;
  return w->x.in < w->x.stride || w->y.dilation > 1;
}

/* Channels are summed in pairs. Where a block of pixels takes all registers, that of an unpaired
 * channel is in use already. */
static int has_half_a_pair(const struct conv_job *job) { return job->c.group_oc % 2 != 0; }

/* All windows together span as many pixels as the image has, though they start in the padding:
 * oneDNN then takes it for unpadded, where sums need no room of their own, and writes them in f32
 * over y. */
static int looks_unpadded(const struct conv_job *job)
{
  const struct window_axis *x = &job->c.window.x;
  return job->types[CONV_Y] != FMP_F32 && x->before > 0 &&
         (x->out - 1) * x->stride + window_reach(x) == x->in;
}

/* name: how oneDNN's name for the implementation begins. */
static const struct fault {
  const char *name;
  int direction;
  int (*applies)(const struct conv_job *job);
} faults[] = {
    {"jit_1x1:avx2", CONV_BACK_WEIGHTS, gathers_below_8},
    {"jit_1x1:avx512", CONV_BACK_WEIGHTS, gathers_below_16},
    {"jit_bf16_1x1:", CONV_BACK_WEIGHTS, gathers_below_16},
    {"jit_bf16_1x1:", CONV_BACK_DATA, has_half_a_pair},
    {"jit_bf16:", CONV_BACK_WEIGHTS, sums_what_is_not_there},
    {"brgconv:", CONV_FORWARD, looks_unpadded},
};

int onednn_is_faulty(const char *name, const struct conv_job *job)
{
  for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
    const struct fault *f = &faults[i];
    if (f->direction == job->direction && strncmp(name, f->name, strlen(f->name)) == 0 &&
        f->applies(job))
      return 1;
  }
  return 0;
}
