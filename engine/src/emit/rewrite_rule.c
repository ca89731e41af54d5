/* SPDX-License-Identifier: Apache-2.0
 *
 * Matching: backward from the last op of a chain, by input 0. The readers of each value on the way
 * must be one, and that one is the node we have come from. */
#include "emit/rewrite_rule.h"

#include <string.h>

#include "base/memory.h"

/* -- rules ----------------------------------------------------------------- */

/* Returns 0 if an op of the chain does not exist: then the rewrite cannot apply. Ops are found once
 * for each rewriting, so that matching compares pointers. The chain's length was checked when it
 * was registered. */
static int find_ops(const fmp__rewrite *rewrite, fmp__rule *rule)
{
  *rule = (fmp__rule){.rewrite = rewrite};
  for (const char *at = rewrite->def.chain; *at; at += strspn(at, " ")) {
    const size_t n = strcspn(at, " ");
    const fmp_op *op = fmp__op_named(at, n);
    if (!op) return 0;
    rule->ops[rule->length++] = op;
    at += n;
  }
  return 1;
}

fmp_status fmp__rules_of(uint32_t phase, fmp__rules *rules)
{
  const fmp__rewrite *rewrite;
  *rules = (fmp__rules){0};
  for (uint32_t i = 0; (rewrite = fmp__rewrite_at(i)); i++) {
    if (rewrite->def.phase != phase) continue;
    if (!fmp__grow((void **)&rules->items, &rules->room, rules->n, sizeof *rules->items))
      return fmp__no_memory("rewrites");
    if (find_ops(rewrite, &rules->items[rules->n])) rules->n++;
  }
  return FMP_OK;
}

void fmp__rules_free(fmp__rules *rules)
{
  fmp__free(rules->items);
  *rules = (fmp__rules){0};
}

/* -- matching -------------------------------------------------------------- */

int fmp__reads_data(const fmp__node *node, uint32_t i)
{
  return node->in[i] && !(fmp__schema_input(&node->op->schema, i)->marks & FMP_ARG_SPEC_ONLY);
}

/* An op that writes or acts is never part of a chain: it would be done twice, or at another
 * time. */
static int is_op(const fmp__node *node, const fmp_op *op)
{
  return node->op == op && !op->writes && !(op->def.flags & FMP_OP_EFFECT);
}

/* A chain is about output 0 of each op; a reader of another output needs the op to stay. */
static int reads_beyond_first(const fmp__node *node, const fmp__use *uses)
{
  for (uint32_t i = 1; i < node->n_out; i++)
    if (node->out[i] && uses[node->out[i]].readers) return 1;
  return 0;
}

/* Does a value of the node have to stay, because gradients by it are wanted? */
static int must_stay(const fmp__node *node, const fmp__use *uses)
{
  for (uint32_t i = 0; i < node->n_out; i++)
    if (node->out[i] && uses[node->out[i]].stays) return 1;
  return 0;
}

/* The last node's n_before is how many writes there were when it was emitted; if the first has the
 * same, none came between. A replacement is emitted behind the last, and so reads what the first
 * one read. */
int fmp__rule_matches(const fmp__rule *rule, const fmp_graph *g, const fmp__use *uses, uint32_t k,
                      uint32_t *chain)
{
  const uint32_t last = k, n_writes = g->nodes[k].n_before;
  if (g->nodes[last].replaced) return 0;
  for (uint32_t at = rule->length; at-- > 0;) {
    const fmp__node *node = &g->nodes[k];
    if (!is_op(node, rule->ops[at]) || must_stay(node, uses)) return 0;
    if (k != last && reads_beyond_first(node, uses)) return 0;
    chain[at] = k;
    if (at == 0) break;
    const fmp__value *in = node->n_in ? &g->values[node->in[0]] : NULL;
    if (!in || in->from != FMP__FROM_NODE || in->index != 0 || uses[node->in[0]].readers != 1)
      return 0;
    k = in->node;
  }
  return g->nodes[k].n_before == n_writes;
}
