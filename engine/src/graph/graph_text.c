/* SPDX-License-Identifier: Apache-2.0
 *
 * What a graph says about itself: its inputs and outputs, and the whole of it as text, for
 * people. */
#include "base/text.h"
#include "fmp/api.h"
#include "graph/graph.h"

/* -- inputs and outputs ---------------------------------------------------- */

int32_t fmp_graph_inputs(const fmp_graph *g) { return g ? (int32_t)g->n_inputs : 0; }

int32_t fmp_graph_outputs(const fmp_graph *g) { return g ? (int32_t)g->n_outputs : 0; }

/* Indices from outside; counted from 0 here as everywhere in C. */
static fmp_status check_index(const char *what, int32_t i, uint32_t n)
{
  if (i >= 0 && (uint32_t)i < n) return FMP_OK;
  return fmp__fail(FMP_EINVAL, "expected one of %u %ss, counted from 0, got number %d", n, what, i);
}

fmp_status fmp_graph_input_spec(const fmp_graph *g, int32_t i, fmp_spec *spec)
{
  FMP_TRY(fmp__require(g, "a graph"));
  FMP_TRY(check_index("input", i, g->n_inputs));
  *spec = g->values[i + 1].spec;
  return FMP_OK;
}

fmp_status fmp_graph_output_spec(const fmp_graph *g, int32_t i, fmp_spec *spec)
{
  FMP_TRY(fmp__require(g, "a graph"));
  FMP_TRY(check_index("output", i, g->n_outputs));
  *spec = g->values[g->outputs[i]].spec;
  return FMP_OK;
}

/* -- text ------------------------------------------------------------------ */

/* "v7", with its spec: "v7 f32 [8,10]"; "-" for an absent one. */
static void add_value(const fmp_graph *g, uint32_t v, int with_spec, fmp__text *text)
{
  char spec[FMP_SPEC_TEXT];
  if (!v)
    fmp__text_add(text, "-");
  else if (with_spec)
    fmp__text_add(text, "v%u %s", v, fmp_spec_text(&g->values[v].spec, spec));
  else
    fmp__text_add(text, "v%u", v);
}

static void add_values(const fmp_graph *g, const uint32_t *values, uint32_t n, int with_spec,
                       fmp__text *text)
{
  for (uint32_t i = 0; i < n; i++) {
    if (i) fmp__text_add(text, ", ");
    add_value(g, values[i], with_spec, text);
  }
}

/* "input v1 f32 [8,3]" and "captured v2 f32 [3] bias" */
static void add_source(const fmp_graph *g, uint32_t v, fmp__text *text)
{
  const fmp__value *value = &g->values[v];
  fmp__text_add(text, value->from == FMP__FROM_INPUT ? "input " : "captured ");
  add_value(g, v, 1, text);
  if (value->from == FMP__FROM_CAPTURE && value->tensor->name)
    fmp__text_add(text, " %s", value->tensor->name);
  fmp__text_add(text, "\n");
}

/* "net/1: v7 f32 [8,10] = matmul(v1, v2) {transpose_b = true}". Value numbers are those of
 * messages. */
static void add_node(const fmp_graph *g, const fmp__node *node, fmp__text *text)
{
  fmp__text_add(text, "%s%s", node->scope, *node->scope ? ": " : "");
  add_values(g, node->out, node->n_out, 1, text);
  fmp__text_add(text, "%s%s(", node->n_out ? " = " : "", node->op->def.name);
  add_values(g, node->in, node->n_in, 0, text);
  fmp__text_add(text, ")");
  const size_t before = text->length;
  fmp__text_add(text, " ");
  fmp__params_text(&node->op->attrs, node->params, text);
  if (text->length == before + 1) text->bytes[--text->length] = '\0'; /* no attributes */
  fmp__text_add(text, "\n");
}

/* Sources first, whatever their numbers, since a reader wants to know what goes in. */
const char *fmp_graph_text(const fmp_graph *g)
{
  if (!g) return NULL;
  fmp__text *text = fmp__text_of_thread();
  for (uint32_t v = 1; v <= g->n_values; v++)
    if (g->values[v].from != FMP__FROM_NODE) add_source(g, v, text);
  for (uint32_t k = 0; k < g->n_nodes; k++) add_node(g, &g->nodes[k], text);
  fmp__text_add(text, "output ");
  add_values(g, g->outputs, g->n_outputs, 0, text);
  fmp__text_add(text, "\n");
  return text->bytes ? text->bytes : "";
}
