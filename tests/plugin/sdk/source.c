/* SPDX-License-Identifier: Apache-2.0
 * sdk_squares: a source of examples for the queues of another plugin. Example i is one
 * grey square of 2x2 pixels of value i; its label is i mod 10. */
#include <string.h>

#include "sdk.h"
#include "fmp/kit/source.h"

struct squares_params {
  int64_t count;
};

static fmp_status read_square(const fmp_source *s, int64_t i, uint8_t *scratch, uint8_t *pixels,
                              int32_t *label, fmp_failure *why)
{
  (void)scratch, (void)why;
  memset(pixels, (int)i, (size_t)fmp_source_pixels(s));
  *label = (int32_t)(i % 10);
  return FMP_OK;
}

static fmp_status open_squares(const fmp_host *h, const void *params, void **state)
{
  const struct squares_params *p = params;
  fmp_source *s = h->alloc(sizeof *s);
  if (!s) return h->fail(FMP_ENOMEM, "out of memory: a source");
  *s = (fmp_source){.struct_size = sizeof *s,
                    .count = p->count,
                    .height = 2,
                    .width = 2,
                    .channels = 1,
                    .read = read_square};
  *state = s;
  return FMP_OK;
}

static void close_squares(const fmp_host *h, void *state) { h->free(state); }

static const fmp_attr_def attrs[] = {
    FMP_ATTR(struct squares_params, count, FMP_ATTR_I64, "4", "[1,256]", "how many examples")};

static const fmp_resource_def squares = {.struct_size = sizeof(fmp_resource_def),
                                         .name = "sdk_squares",
                                         .doc = "Grey squares, one for each brightness.",
                                         .attrs = attrs,
                                         .n_attr = 1,
                                         .attr_size = sizeof(fmp_attr_def),
                                         .params_size = sizeof(struct squares_params),
                                         .open = open_squares,
                                         .close = close_squares,
                                         .interfaces = FMP_SOURCE};

fmp_status source_register(const fmp_host *h, fmp_registry *r)
{
  return h->add_resource(r, &squares);
}
