/* SPDX-License-Identifier: Apache-2.0
 * Shapes of a convolution, and where each op keeps its three arrays. */
#include "conv.h"

const struct conv_op conv_ops[CONV_DIRECTIONS] = {
    /* (x, w, b?) -> (y) */
    [CONV_FORWARD] = {"conv2d", CONV_FORWARD, {0, 1, CONV_OUTPUT}},
    /* (dy, w, x~) -> (dx) */
    [CONV_BACK_DATA] = {"conv2d_back_data", CONV_BACK_DATA, {CONV_OUTPUT, 1, 0}},
    /* (x, dy, w~) -> (dw) */
    [CONV_BACK_WEIGHTS] = {"conv2d_back_weights", CONV_BACK_WEIGHTS, {0, CONV_OUTPUT, 1}},
};

const fmp_view *conv_view(const fmp_call *call, int direction, int i)
{
  const int place = conv_ops[direction].places[i];
  return place == CONV_OUTPUT ? &call->out[0] : &call->in[place];
}

const fmp_spec *conv_spec(const fmp_kernel_args *args, int direction, int i)
{
  const int place = conv_ops[direction].places[i];
  return place == CONV_OUTPUT ? &args->out[0] : &args->in[place];
}

static int counts_in_int(const fmp_spec *s)
{
  int64_t size = 1;
  for (uint32_t i = 0; i < s->rank; i++) {
    if (s->shape[i] < 1 || s->shape[i] > INT32_MAX / size) return 0;
    size *= s->shape[i];
  }
  return 1;
}

int conv_counts_in_int(const fmp_kernel_args *args, int direction)
{
  for (int i = 0; i < CONV_OPERANDS; i++)
    if (!counts_in_int(conv_spec(args, direction, i))) return 0;
  return 1;
}

/* Group g reads channels [g * ic/groups, ...) of x and fills those of y alike. */
static fmp_status check_channels(const fmp_host *h, int64_t groups, const int64_t *x,
                                 const int64_t *w)
{
  FMP_REQUIRE(h, x[3] >= 1, FMP_ESHAPE, "expected x of at least 1 channel, got 0");
  FMP_REQUIRE(h, groups >= 1 && x[3] % groups == 0, FMP_EINVAL,
              "expected groups that divide x's %lld channels, got %lld", (long long)x[3],
              (long long)groups);
  FMP_REQUIRE(h, w[0] % groups == 0, FMP_EINVAL,
              "expected groups that divide w's %lld output channels, got %lld", (long long)w[0],
              (long long)groups);
  FMP_REQUIRE(h, w[3] == x[3] / groups, FMP_ESHAPE,
              "expected w [oc,kh,kw,%lld] for x's %lld channels in %lld groups, "
              "got [%lld,%lld,%lld,%lld]",
              (long long)(x[3] / groups), (long long)x[3], (long long)groups, (long long)w[0],
              (long long)w[1], (long long)w[2], (long long)w[3]);
  return FMP_OK;
}

fmp_status conv_make(const fmp_host *h, const struct conv_params *p, const int64_t *x,
                     const int64_t *w, struct conv *out)
{
  const struct window_attrs attrs = {
      .padding = p->padding, .stride = p->stride, .dilation = p->dilation, .pads = p->pads};
  FMP_TRY(check_channels(h, p->groups, x, w));
  FMP_TRY(window_make(h, &attrs, x + 1, w + 1, &out->window));
  out->n = x[0];
  out->ic = x[3];
  out->oc = w[0];
  out->groups = p->groups;
  out->group_ic = x[3] / p->groups;
  out->group_oc = w[0] / p->groups;
  return FMP_OK;
}
