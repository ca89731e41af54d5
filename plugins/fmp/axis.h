/* SPDX-License-Identifier: Apache-2.0
 *
 * axis.h: both ops' checks of sizes along one axis, and their messages.
 * Axis 0 is vertical (rows of an image), axis 1 horizontal (columns).
 */
#ifndef FMP_FMP_AXIS_H
#define FMP_FMP_AXIS_H

#include <string.h>

#include "fmp/kit/attr.h"
#include "fmp/kit/check.h"

enum { AXIS_TAPS = 256 /* elements of a window: its argmax is a byte */ };

#define AXIS_WINDOWS "boundaries|fixed"

static inline const char *axis_side(int axis) { return axis == 0 ? "height" : "width"; }

static inline int axis_fixed(const char *window) { return strcmp(window, "fixed") == 0; }

/* Item `axis` of a list in which one number stands for both. */
static inline int64_t axis_item(const fmp_list *list, int axis)
{
  const int64_t *items = list->items;
  return items[list->count == 1 ? 0 : axis];
}

static inline fmp_status axis_check_pair(const fmp_host *h, const char *name, const fmp_list *list)
{
  FMP_REQUIRE(h, list->count == 1 || list->count == 2, FMP_EINVAL,
              "expected %s of 1 or 2 numbers [vertical,horizontal], got %lld", name,
              (long long)list->count);
  return FMP_OK;
}

/* x is [n,h,w,c]; positions must fit an i32. */
static inline fmp_status axis_check_image(const fmp_host *h, const fmp_spec *x)
{
  FMP_TRY(fmp_check_rank(h, "x", x, 4, "[n,h,w,c]"));
  for (int axis = 0; axis < 2; axis++) {
    const int64_t in = x->shape[1 + axis];
    FMP_REQUIRE(h, in >= 1 && in <= INT32_MAX, FMP_ESHAPE,
                "expected an image of %s 1 to 2^31 - 1, got %lld", axis_side(axis), (long long)in);
  }
  return FMP_OK;
}

/* Positions rise by at least 1, so there are at most as many windows as pixels. */
static inline fmp_status axis_check_out(const fmp_host *h, int axis, int64_t in, int64_t out)
{
  FMP_REQUIRE(h, out >= 1 && out <= in, FMP_EINVAL,
              "expected 1 to %lld windows along the image's %s of %lld, got %lld", (long long)in,
              axis_side(axis), (long long)in, (long long)out);
  return FMP_OK;
}

/* `out` windows of `pool` pixels start at different pixels and lie in the image. */
static inline fmp_status axis_check_fixed(const fmp_host *h, int axis, int64_t in, int64_t out,
                                          int64_t pool)
{
  FMP_REQUIRE(h, pool >= 1 && pool <= in - (out - 1), FMP_EINVAL,
              "expected a pool of %s 1 to %lld for %lld windows in %lld pixels, got %lld",
              axis_side(axis), (long long)(in - (out - 1)), (long long)out, (long long)in,
              (long long)pool);
  return FMP_OK;
}

/* Sizes of the largest window. */
static inline fmp_status axis_check_taps(const fmp_host *h, int64_t height, int64_t width)
{
  FMP_REQUIRE(h, height <= AXIS_TAPS && width <= AXIS_TAPS && height * width <= AXIS_TAPS,
              FMP_EINVAL, "expected windows of at most %d elements, got %lld x %lld",
              (int)AXIS_TAPS, (long long)height, (long long)width);
  return FMP_OK;
}

#endif
