/* SPDX-License-Identifier: Apache-2.0
 * A reader that fails in every way that the interface does not have. */
#include <string.h>

#include "fmp/kit/source.h"

enum { SILENT, UNKNOWN, ENDS, OTHER_STATUS, UNENDED_TEXT, WRITES_NOTHING, IS_SLOW };

struct params {
  int64_t how, count;
};

struct bad {
  fmp_source source;
  int64_t how;
};

static fmp_status read_badly(const fmp_source *s, int64_t i, uint8_t *scratch, uint8_t *pixels,
                             int32_t *label, fmp_failure *why)
{
  (void)i, (void)scratch, (void)pixels, (void)label;
  switch (((const struct bad *)(const void *)s)->how) {
  case SILENT: return FMP_EIO;
  case UNKNOWN: return 99;
  case ENDS: return FMP_END;
  case OTHER_STATUS:
    strcpy(why->text, "said so");
    why->status = FMP_ENOMEM;
    return FMP_EDATA;
  case UNENDED_TEXT: memset(why->text, 'x', sizeof why->text); return why->status = FMP_EDATA;
  case IS_SLOW:
    for (volatile int n = 0; n < 200 * 1000 * 1000; n = n + 1) continue;
    return FMP_OK;
  default: return FMP_OK;
  }
}

static fmp_status open_bad(const fmp_host *h, const void *params, void **state)
{
  const struct params *p = params;
  struct bad *b = h->alloc(sizeof *b);
  FMP_REQUIRE(h, b != NULL, FMP_ENOMEM, "no memory");
  *b = (struct bad){.source = {.struct_size = sizeof b->source,
                               .count = p->count,
                               .height = 64,
                               .width = 64,
                               .channels = 1,
                               .read = read_badly},
                    .how = p->how};
  *state = b;
  return FMP_OK;
}

static void close_bad(const fmp_host *h, void *state) { h->free(state); }

static fmp_status load(const fmp_host *h, fmp_registry *r)
{
  static const fmp_attr_def attrs[] = {
      FMP_ATTR(struct params, how, FMP_ATTR_I64, NULL, NULL, "it fails"),
      FMP_ATTR(struct params, count, FMP_ATTR_I64, "4", NULL, "examples")};
  static const fmp_resource_def def = {.struct_size = sizeof def,
                                       .name = "bad_source",
                                       .doc = "Fails.",
                                       .attrs = attrs,
                                       .n_attr = 2,
                                       .attr_size = sizeof(fmp_attr_def),
                                       .params_size = sizeof(struct params),
                                       .open = open_bad,
                                       .close = close_bad,
                                       .interfaces = FMP_SOURCE};
  return h->add_resource(r, &def);
}

FMP_PLUGIN("bad_source", "1", "A reader that fails.", load);
