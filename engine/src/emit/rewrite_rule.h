/* SPDX-License-Identifier: Apache-2.0
 * What rewrites look for, and where it is in a graph. */
#ifndef FMP_REWRITE_RULE_H
#define FMP_REWRITE_RULE_H

#include "define/registry.h"
#include "graph/graph.h"

/* A rewrite with the ops of its chain. */
typedef struct fmp__rule {
  const fmp__rewrite *rewrite;
  const fmp_op *ops[FMP__LONGEST_CHAIN];
  uint32_t length;
} fmp__rule;

/* Those of one phase, in the order in which they were registered. */
typedef struct fmp__rules {
  fmp__rule *items;
  uint32_t n, room;
} fmp__rules;

fmp_status fmp__rules_of(uint32_t phase, fmp__rules *rules); /* also to be freed if it fails */
void fmp__rules_free(fmp__rules *rules);

/* What becomes of a value. */
typedef struct fmp__use {
  uint32_t readers; /* live nodes that read its data, outputs included */
  uint32_t stays;   /* no rewrite may be led past it */
  /* While a graph is emitted anew: */
  uint32_t instead; /* the value that stands for it since; 0: none does */
  uint32_t since;   /* nodes from this one on may read it all the same: they make `instead` */
} fmp__use;

/* Whoever reads only the spec has no use for the data. */
int fmp__reads_data(const fmp__node *node, uint32_t i);

/* Does a chain end in node k, whose first ops nobody else reads and of which nothing must stay?
 * chain[] gets its nodes. uses: by value of g. */
int fmp__rule_matches(const fmp__rule *rule, const fmp_graph *g, const fmp__use *uses, uint32_t k,
                      uint32_t *chain);

#endif
