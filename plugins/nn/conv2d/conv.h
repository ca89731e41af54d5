/* SPDX-License-Identifier: Apache-2.0
 *
 * conv.h: what conv2d, its two gradients and all of their kernels share.
 *   x [n,h,w,ic]   w [oc,kh,kw,ic/groups]   b [oc]   y [n,oh,ow,oc]
 */
#ifndef FMP_NN_CONV_H
#define FMP_NN_CONV_H

#include "../window.h"

struct conv_params {
  fmp_list stride, pads, dilation;
  const char *padding;
  int64_t groups;
  const char *winograd;
  double slope; /* conv2d alone; 1: no activation */
};

static inline int conv_has_activation(const struct conv_params *p)
{
  return p->slope < 1 || p->slope > 1;
}

struct conv {
  int64_t n, ic, oc;
  int64_t groups, group_ic, group_oc; /* channels of one group */
  struct window window;
};

/* Which of y, dx and dw is computed from the other two. */
enum { CONV_FORWARD = 0, CONV_BACK_DATA = 1, CONV_BACK_WEIGHTS = 2, CONV_DIRECTIONS = 3 };

/* The three arrays: each op reads two of them (or their gradients) and writes the third. */
enum { CONV_X = 0, CONV_W = 1, CONV_Y = 2, CONV_OPERANDS = 3 };

enum { CONV_BIAS = 2 /* input of the forward op alone */ };

/* The op of each direction. The data of ops and kernels points to one of these. */
struct conv_op {
  const char *name;
  int direction;
  int places[CONV_OPERANDS]; /* the input that holds each operand, or CONV_OUTPUT */
};
enum { CONV_OUTPUT = -1 };

extern const struct conv_op conv_ops[CONV_DIRECTIONS];

/* The attributes of conv2d; its gradients have all but the last. */
enum { CONV_ATTRS = 7, CONV_BACK_ATTRS = 6 };
void conv_attrs(const struct conv_params *p, fmp_attr attrs[CONV_ATTRS]);

/* Checks shapes of rank 4 and derives the geometry.  [any-thread] */
fmp_status conv_make(const fmp_host *h, const struct conv_params *p, const int64_t *x,
                     const int64_t *w, struct conv *out);

/* Operand i of a direction, or its gradient.  [any-thread] */
const fmp_view *conv_view(const fmp_call *call, int direction, int i);
const fmp_spec *conv_spec(const fmp_kernel_args *args, int direction, int i);

/* Whether each array has at least one element, and no more than an int can count.  [any-thread] */
int conv_counts_in_int(const fmp_kernel_args *args, int direction);

fmp_status conv2d_register_rewrites(const fmp_host *h, fmp_registry *r);
fmp_status conv2d_register_ref(const fmp_host *h, fmp_registry *r);
fmp_status conv2d_register_onednn(const fmp_host *h, fmp_registry *r);

#endif
