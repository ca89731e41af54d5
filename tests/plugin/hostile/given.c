/* SPDX-License-Identifier: Apache-2.0
 * An op whose schema and one attribute are what the environment says, so that a test can
 * offer a table of them: FMP_TEST_SCHEMA, FMP_TEST_KIND, FMP_TEST_OFFSET,
 * FMP_TEST_FIELD_SIZE, FMP_TEST_DEFAULT, FMP_TEST_ALLOWED. With FMP_TEST_ALIAS it is a view. Always
 * refused in the end, so that it can be loaded again. */
#include "hostile.h"

#include <stdlib.h>

enum { PARAMS_SIZE = 16 };

static uint32_t number(const char *name)
{
  const char *text = getenv(name);
  return text ? (uint32_t)strtoul(text, NULL, 10) : 0;
}

/* What it ought to be, unless the environment has another. */
static uint32_t field_size(uint32_t kind)
{
  if (getenv("FMP_TEST_FIELD_SIZE")) return number("FMP_TEST_FIELD_SIZE");
  if (kind & FMP_ATTR_LIST) return sizeof(fmp_list);
  return kind == FMP_ATTR_BOOL || kind == FMP_ATTR_DTYPE ? 4 : 8;
}

static fmp_status same_view(const fmp_alias_args *a)
{
  (void)a;
  return FMP_OK;
}

static fmp_status load(const fmp_host *h, fmp_registry *r)
{
  const fmp_attr_def attr = {.name = "given",
                             .kind = number("FMP_TEST_KIND"),
                             .offset = number("FMP_TEST_OFFSET"),
                             .field_size = field_size(number("FMP_TEST_KIND")),
                             .default_text = getenv("FMP_TEST_DEFAULT"),
                             .allowed = getenv("FMP_TEST_ALLOWED"),
                             .doc = "What the test says."};
  fmp_op_def def = plain_op("hostile_given");
  if (getenv("FMP_TEST_SCHEMA")) def.schema = getenv("FMP_TEST_SCHEMA");
  if (getenv("FMP_TEST_ALIAS")) def.alias = same_view;
  if (getenv("FMP_TEST_KIND")) {
    def.attrs = &attr;
    def.n_attr = 1;
    def.params_size = PARAMS_SIZE;
  }
  FMP_TRY(h->add_op(r, &def));
  return h->fail(FMP_EPLUGIN, "the definition was accepted");
}

FMP_PLUGIN("given", "1.0", "what the environment says", load);
