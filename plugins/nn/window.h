/* SPDX-License-Identifier: Apache-2.0
 *
 * window.h: where a sliding window meets an image. Convolution and both poolings take their
 * geometry from here, so that the three agree on every edge case.
 *
 * Along one axis, output o looks at inputs o * stride - before + k * dilation for
 * taps k in [0, size). What lies outside of [0, in) is padding.
 *
 *   valid     before = after = 0
 *   explicit  before and after as given: pads [top, bottom, left, right]
 *   same      TensorFlow's: out = ceil(in / stride); the odd pad goes after
 *
 * For valid and explicit: out = floor((in + before + after - reach) / stride) + 1
 * with reach = (size - 1) * dilation + 1.
 */
#ifndef FMP_NN_WINDOW_H
#define FMP_NN_WINDOW_H

#include <string.h>

#include "fmp/kit/check.h"

/* Rows of an op's attribute table bound stride, dilation and pads below 2^31; sizes of image and
 * window are checked here. So no product or sum below overflows int64_t. */
#define WINDOW_LIMIT        2147483648
#define WINDOW_POSITIVE     "[1,2147483648)"
#define WINDOW_NOT_NEGATIVE "[0,2147483648)"
#define WINDOW_PADDING      "valid|same|explicit"

struct window_axis {
  int64_t in, size, stride, dilation; /* given */
  int64_t before, after, out;         /* derived */
};

struct window {
  struct window_axis y, x;
};

/* As an op's params hold them: lists of one number or two, pads of none, one or four. */
struct window_attrs {
  const char *padding;
  fmp_list stride, dilation, pads;
};

/* -- one axis -------------------------------------------------------------- */

/* From the first tap to the last, in pixels. */
static inline int64_t window_reach(const struct window_axis *a)
{
  return (a->size - 1) * a->dilation + 1;
}

/* Input under tap 0 of output o; negative in the padding. */
static inline int64_t window_origin(const struct window_axis *a, int64_t o)
{
  return o * a->stride - a->before;
}

/* Taps [*first, *end) of output o are those that see the image, not the padding. */
static inline void window_taps(const struct window_axis *a, int64_t o, int64_t *first, int64_t *end)
{
  const int64_t origin = window_origin(a, o);
  const int64_t inside = a->in - origin; /* pixels from tap 0 to the image's end */
  *first = origin < 0 ? (-origin + a->dilation - 1) / a->dilation : 0;
  *end = inside > 0 ? (inside + a->dilation - 1) / a->dilation : 0;
  if (*end > a->size) *end = a->size;
}

/* Total padding is shared out evenly; the odd pixel goes to the bottom or right. */
static inline void window_pad_same(struct window_axis *a)
{
  const int64_t covered = ((a->in - 1) / a->stride) * a->stride + window_reach(a);
  const int64_t total = covered > a->in ? covered - a->in : 0;
  a->before = total / 2;
  a->after = total - a->before;
}

/* Checks what is given and derives `out`; `side` is "height" or "width". */
static inline fmp_status window_axis_finish(const fmp_host *h, struct window_axis *a, int same,
                                            const char *side)
{
  FMP_REQUIRE(h, a->in >= 1 && a->in < WINDOW_LIMIT, FMP_ESHAPE,
              "expected an image of %s 1 to 2^31 - 1, got %lld", side, (long long)a->in);
  FMP_REQUIRE(h, a->size >= 1 && a->size < WINDOW_LIMIT, FMP_ESHAPE,
              "expected a window of %s 1 to 2^31 - 1, got %lld", side, (long long)a->size);
  if (same) window_pad_same(a);
  const int64_t padded = a->in + a->before + a->after;
  FMP_REQUIRE(h, window_reach(a) <= padded, FMP_ESHAPE,
              "expected a window that fits the padded image's %s of %lld, got %lld", side,
              (long long)padded, (long long)window_reach(a));
  a->out = (padded - window_reach(a)) / a->stride + 1;
  return FMP_OK;
}

/* -- attributes ------------------------------------------------------------ */

/* Item i of a list in which one number stands for all. */
static inline int64_t window_item(const fmp_list *list, int64_t i)
{
  const int64_t *items = list->items;
  return items[list->count == 1 ? 0 : i];
}

static inline fmp_status window_check_pair(const fmp_host *h, const char *name,
                                           const fmp_list *list)
{
  FMP_REQUIRE(h, list->count == 1 || list->count == 2, FMP_EINVAL,
              "expected %s of 1 or 2 numbers [vertical,horizontal], got %lld", name,
              (long long)list->count);
  return FMP_OK;
}

static inline fmp_status window_check_pads(const fmp_host *h, const struct window_attrs *w)
{
  const long long count = (long long)w->pads.count;
  if (strcmp(w->padding, "explicit") == 0)
    FMP_REQUIRE(h, count == 1 || count == 4, FMP_EINVAL,
                "expected pads of 1 or 4 numbers [top,bottom,left,right], got %lld", count);
  else
    FMP_REQUIRE(h, count == 0, FMP_EINVAL,
                "expected no pads with padding \"%s\" (they need \"explicit\"), got %lld numbers",
                w->padding, count);
  return FMP_OK;
}

static inline struct window_axis window_axis_of(const struct window_attrs *w, int64_t i, int64_t in,
                                                int64_t size)
{
  const int padded = w->pads.count > 0;
  const struct window_axis a = {
      .in = in,
      .size = size,
      .stride = window_item(&w->stride, i),
      .dilation = window_item(&w->dilation, i),
      .before = padded ? window_item(&w->pads, 2 * i) : 0,
      .after = padded ? window_item(&w->pads, 2 * i + 1) : 0,
  };
  return a;
}

/* image: [height, width]; taps: [height, width] of the window, before dilation. */
static inline fmp_status window_make(const fmp_host *h, const struct window_attrs *w,
                                     const int64_t image[2], const int64_t taps[2],
                                     struct window *out)
{
  const int same = strcmp(w->padding, "same") == 0;
  FMP_TRY(window_check_pair(h, "stride", &w->stride));
  FMP_TRY(window_check_pair(h, "dilation", &w->dilation));
  FMP_TRY(window_check_pads(h, w));
  out->y = window_axis_of(w, 0, image[0], taps[0]);
  out->x = window_axis_of(w, 1, image[1], taps[1]);
  FMP_TRY(window_axis_finish(h, &out->y, same, "height"));
  return window_axis_finish(h, &out->x, same, "width");
}

/* -- sharing out the work --------------------------------------------------- */

/* How many pieces of `operations` each are worth waking a thread for. A double, since the product
 * of hostile sizes may overflow int64_t. */
static inline int64_t window_grain(double operations)
{
  const double enough = 65536; /* some tens of microseconds */
  if (operations >= enough) return 1;
  return (int64_t)(enough / (operations > 1 ? operations : 1));
}

/* -- what comes out -------------------------------------------------------- */

/* A spec [n, h, w, c] whose bytes fit int64_t, or FMP_ESHAPE. */
static inline fmp_status window_output(const fmp_host *h, const struct window *w, uint32_t dtype,
                                       int64_t n, int64_t c, fmp_spec *out)
{
  const fmp_spec spec = {.dtype = dtype, .rank = 4, .shape = {n, w->y.out, w->x.out, c}};
  int64_t bytes = 8;
  char text[FMP_SPEC_TEXT];
  for (int i = 0; i < 4; i++)
    FMP_REQUIRE(h, !__builtin_mul_overflow(bytes, spec.shape[i], &bytes), FMP_ESHAPE,
                "expected an output below 2^63 bytes, got %s", h->spec_text(&spec, text));
  *out = spec;
  return FMP_OK;
}

/* What a gradient op is given for an output must have the spec that the forward op makes. */
static inline fmp_status window_check_made(const fmp_host *h, const char *name,
                                           const fmp_spec *made, const fmp_spec *given)
{
  char wanted[FMP_SPEC_TEXT], got[FMP_SPEC_TEXT];
  FMP_REQUIRE(h, given->dtype == made->dtype && fmp_same_shape(given, made), FMP_ESHAPE,
              "expected %s %s, got %s", name, h->spec_text(made, wanted), h->spec_text(given, got));
  return FMP_OK;
}

#endif
