/* SPDX-License-Identifier: Apache-2.0
 * Ops that claim a role without being what it asks for. The environment's FMP_TEST_CASE is the
 * number of the one to try. */
#include "hostile.h"

#include <stdlib.h>

struct params {
  double number;
  uint32_t dtype;
};

/* Up to two attributes: "value" of the kind f64, "dtype" of the kind dtype. */
enum { NO_ATTRS, VALUE, DTYPE, VALUE_MUST, DTYPE_AS_VALUE };

static const struct {
  uint32_t role;
  const char *schema;
  int attrs;
} cases[] = {
    {FMP_ROLE_ACCUMULATE, "(a) -> (y)", NO_ATTRS},
    {FMP_ROLE_ACCUMULATE, "(a, b, c) -> (y)", NO_ATTRS},
    {FMP_ROLE_ACCUMULATE, "(a, b?) -> (y)", NO_ATTRS},
    {FMP_ROLE_ACCUMULATE, "(a!, b) -> (y)", NO_ATTRS},
    {FMP_ROLE_ACCUMULATE, "(a, b) -> (y, z)", NO_ATTRS},
    {FMP_ROLE_ACCUMULATE, "(a, b) -> (y)", VALUE_MUST}, /* which nobody gives */
    {FMP_ROLE_FILL, "(like) -> (y)", VALUE},
    {FMP_ROLE_FILL, "() -> (y)", VALUE},
    {FMP_ROLE_FILL, "(like~) -> (y)", NO_ATTRS},
    {FMP_ROLE_FILL, "(like~) -> (y)", DTYPE},
    {FMP_ROLE_CAST, "(x) -> (y)", NO_ATTRS},
    {FMP_ROLE_CAST, "(x) -> (y)", VALUE},
    {FMP_ROLE_CAST, "(x~) -> (y)", DTYPE},
    {FMP_ROLE_COPY, "(x) -> ()", NO_ATTRS},
    {FMP_ROLE_COPY, "(x...) -> (y)", NO_ATTRS},
    {FMP_ROLE_COPY, "(x) -> (y?)", NO_ATTRS},
    {FMP_ROLE_CAST, "(x) -> (y)", DTYPE_AS_VALUE}, /* of another kind */
};

static fmp_status load(const fmp_host *h, fmp_registry *r)
{
  const size_t number = strtoul(getenv("FMP_TEST_CASE"), NULL, 10);
  fmp_attr_def attrs[] = {FMP_ATTR(struct params, number, FMP_ATTR_F64, "0", NULL, "a number"),
                          FMP_ATTR(struct params, dtype, FMP_ATTR_DTYPE, "f32", NULL, "a type")};
  fmp_op_def def = plain_op("hostile_role");
  if (number >= sizeof cases / sizeof *cases) return h->fail(FMP_ENOTFOUND, "no such case");
  const int which = cases[number].attrs;
  attrs[0].name = which == DTYPE_AS_VALUE ? "dtype" : "value";
  if (which == VALUE_MUST) attrs[0].default_text = NULL;
  def.schema = cases[number].schema;
  def.role = cases[number].role;
  def.params_size = sizeof(struct params);
  def.attrs = which == DTYPE ? &attrs[1] : attrs;
  def.n_attr = which == NO_ATTRS ? 0 : 1;
  FMP_TRY(h->add_op(r, &def));
  return h->fail(FMP_EPLUGIN, "the definition was accepted");
}

FMP_PLUGIN("roles", "1.0", "not what the roles ask for", load);
