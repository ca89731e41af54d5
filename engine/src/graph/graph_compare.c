/* SPDX-License-Identifier: Apache-2.0
 *
 * Do two graphs compute the same, whatever their shapes? For a caller who has traced one function
 * for two batch sizes and wants to know whether one graph can stand for both.
 *
 * Values pair up as nodes name them and not by number, since numbers also tell when something was
 * first captured, which is no part of what is computed. A pair, once made, must hold everywhere:
 * the pairing is one to one (`other` and `taken`), or else x + x would pass for x + y. */
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "define/spec.h"
#include "fmp/api.h"
#include "graph/graph.h"

/* -- inputs and captures --------------------------------------------------- */

/* Shapes may differ: that is the point. Types and ranks decide which kernels and formulas there
 * are. */
static fmp_status compare_inputs(const fmp_graph *a, const fmp_graph *b)
{
  char one[FMP_SPEC_TEXT], other[FMP_SPEC_TEXT];
  if (a->n_inputs != b->n_inputs)
    return fmp__fail(FMP_EINVAL, "%u inputs in one and %u in the other", a->n_inputs, b->n_inputs);
  for (uint32_t i = 1; i <= a->n_inputs; i++) {
    const fmp_spec *x = &a->values[i].spec, *y = &b->values[i].spec;
    if (x->dtype != y->dtype || x->rank != y->rank)
      return fmp__fail(FMP_EINVAL, "input %u is %s in one and %s in the other", i,
                       fmp_spec_text(x, one), fmp_spec_text(y, other));
  }
  return FMP_OK;
}

static fmp_status read_both(const fmp_tensor *a, const fmp_tensor *b, char *bytes, int64_t n,
                            int *equal)
{
  FMP_TRY(fmp_tensor_read(a, bytes, n));
  FMP_TRY(fmp_tensor_read(b, bytes + n, n));
  *equal = memcmp(bytes, bytes + n, (size_t)n) == 0;
  return FMP_OK;
}

/* A constant that each trace has made for itself is the same if its bytes are. */
static fmp_status compare_captures(const fmp_tensor *a, const fmp_tensor *b)
{
  char one[FMP_SPEC_TEXT], other[FMP_SPEC_TEXT];
  int equal = 0;
  if (a == b) return FMP_OK;
  if (!fmp__spec_equal(&a->spec, &b->spec))
    return fmp__fail(FMP_EINVAL, "%s in one and %s in the other", fmp_spec_text(&a->spec, one),
                     fmp_spec_text(&b->spec, other));
  const int64_t n = fmp__spec_bytes(&a->spec);
  char *bytes = fmp__alloc(2 * (size_t)n + 1);
  if (!bytes) return fmp__no_memory("comparing captured tensors");
  const fmp_status status = read_both(a, b, bytes, n, &equal);
  fmp__free(bytes);
  FMP_TRY(status);
  if (equal) return FMP_OK;
  return fmp__fail(FMP_EINVAL, "%s holds other values in one than in the other",
                   fmp_spec_text(&a->spec, one));
}

/* -- values ---------------------------------------------------------------- */

typedef struct comparison {
  const fmp_graph *a, *b;
  uint32_t *other;      /* by value of a: the value of b that it is paired with; 0: none yet */
  unsigned char *taken; /* by value of b: is it paired? */
} comparison;

/* Captures must hold the same; outputs of nodes have been compared with their nodes. */
static fmp_status pair_up(comparison *c, uint32_t x, uint32_t y)
{
  const fmp__value *one = &c->a->values[x], *other = &c->b->values[y];
  if (one->from != other->from)
    return fmp__fail(FMP_EINVAL, "value v%u is captured in one graph alone", x);
  c->other[x] = y;
  c->taken[y] = 1;
  if (one->from != FMP__FROM_CAPTURE) return FMP_OK;
  const fmp_status status = compare_captures(one->tensor, other->tensor);
  return status == FMP_OK ? FMP_OK : fmp__fail_in(status, "captured tensor v%u", x);
}

/* Two values that both have no partner yet become a pair; any others must be one already, or both
 * absent. */
static fmp_status compare_value(comparison *c, const char *what, uint32_t i, uint32_t x, uint32_t y)
{
  if (x && y && !c->other[x] && !c->taken[y]) return pair_up(c, x, y);
  if (x && y ? c->other[x] == y : x == y) return FMP_OK;
  return fmp__fail(FMP_EINVAL, "%s %u is value v%u in one and v%u in the other", what, i + 1, x, y);
}

static fmp_status compare_list(comparison *c, const char *what, const uint32_t *a, uint32_t n_a,
                               const uint32_t *b, uint32_t n_b)
{
  if (n_a != n_b) return fmp__fail(FMP_EINVAL, "%u %ss in one and %u in the other", n_a, what, n_b);
  for (uint32_t i = 0; i < n_a; i++) FMP_TRY(compare_value(c, what, i, a[i], b[i]));
  return FMP_OK;
}

/* -- nodes ----------------------------------------------------------------- */

static fmp_status fail_at(const fmp_graph *g, uint32_t k)
{
  const fmp__node *node = &g->nodes[k];
  return fmp__fail_in(FMP_EINVAL, "node %u (%s%s%s)", k + 1, node->scope, *node->scope ? ": " : "",
                      node->op->def.name);
}

/* Compared as text, for the message. Attributes with equal texts can only differ by a resource. */
static fmp_status attr_differs(const fmp__node *a, const fmp__node *b, uint32_t i, int *differs)
{
  fmp__text x = {0}, y = {0};
  fmp__params_value_text(&a->op->attrs, a->params, i, &x);
  fmp__params_value_text(&b->op->attrs, b->params, i, &y);
  fmp_status status = x.failed || y.failed ? fmp__no_memory("attributes as text") : FMP_OK;
  const char *one = x.bytes ? x.bytes : "", *other = y.bytes ? y.bytes : "";
  *differs = strcmp(one, other) != 0;
  if (status == FMP_OK && *differs)
    status = fmp__fail(FMP_EINVAL, "attribute %s is %s in one and %s in the other",
                       a->op->attrs.defs[i].name, one, other);
  fmp__text_free(&x);
  fmp__text_free(&y);
  return status;
}

static fmp_status compare_attrs(const fmp__node *a, const fmp__node *b)
{
  int differs;
  if (fmp__params_equal(&a->op->attrs, a->params, b->params)) return FMP_OK;
  for (uint32_t i = 0; i < a->op->attrs.n; i++) FMP_TRY(attr_differs(a, b, i, &differs));
  return fmp__fail(FMP_EINVAL, "its attributes differ");
}

/* Keys are compared too: functions that draw different numbers are not the same function. */
static fmp_status compare_nodes(comparison *c, const fmp__node *a, const fmp__node *b)
{
  if (a->op != b->op)
    return fmp__fail(FMP_EINVAL, "the op is %s in one and %s in the other", a->op->def.name,
                     b->op->def.name);
  FMP_TRY(compare_attrs(a, b));
  FMP_TRY(compare_list(c, "input", a->in, a->n_in, b->in, b->n_in));
  FMP_TRY(compare_list(c, "output", a->out, a->n_out, b->out, b->n_out));
  if (a->random_key != b->random_key)
    return fmp__fail(FMP_EINVAL,
                     "it draws other numbers in one (scope '%s') than in the other "
                     "(scope '%s')",
                     a->scope, b->scope);
  return FMP_OK;
}

static fmp_status compare_all_nodes(comparison *c)
{
  const fmp_graph *a = c->a, *b = c->b;
  for (uint32_t k = 0; k < a->n_nodes && k < b->n_nodes; k++) {
    const fmp_status status = compare_nodes(c, &a->nodes[k], &b->nodes[k]);
    if (status == FMP_EINVAL) return fail_at(a, k);
    FMP_TRY(status);
  }
  if (a->n_nodes == b->n_nodes) return FMP_OK;
  return fmp__fail(FMP_EINVAL, "%u nodes in one and %u in the other", a->n_nodes, b->n_nodes);
}

/* -- the whole ------------------------------------------------------------- */

static fmp_status compare(comparison *c)
{
  const fmp_graph *a = c->a, *b = c->b;
  if (!c->other || !c->taken) return fmp__no_memory("comparing graphs");
  FMP_TRY(compare_inputs(a, b));
  for (uint32_t i = 1; i <= a->n_inputs; i++) FMP_TRY(pair_up(c, i, i));
  FMP_TRY(compare_all_nodes(c));
  return compare_list(c, "output", a->outputs, a->n_outputs, b->outputs, b->n_outputs);
}

fmp_status fmp_graph_compare(const fmp_graph *a, const fmp_graph *b)
{
  FMP_TRY(fmp__require(a, "a graph"));
  FMP_TRY(fmp__require(b, "a second graph"));
  comparison c = {.a = a, .b = b};
  c.other = fmp__alloc_zeroed(a->n_values + 1, sizeof *c.other);
  c.taken = fmp__alloc_zeroed(b->n_values + 1, 1);
  const fmp_status status = compare(&c);
  fmp__free(c.other);
  fmp__free(c.taken);
  return status;
}
