/* SPDX-License-Identifier: Apache-2.0
 *
 * What rewrites look for, and whether it is at a place in a graph. */
#ifndef FMP_REWRITE_RULE_H
#define FMP_REWRITE_RULE_H

#include "define/registry.h"
#include "graph/graph.h"

/* A rewrite with the ops of its chain, which all exist. */
typedef struct fmp__rule {
  const fmp__rewrite *rewrite;
  const fmp_op *ops[FMP__LONGEST_CHAIN];
  uint32_t length;
} fmp__rule;

/* The rewrites of one phase that can apply at all, in order of registration, which is that of
 * trying. */
typedef struct fmp__rules {
  fmp__rule *items;
  uint32_t n, room;
} fmp__rules;

fmp_status fmp__rules_of(uint32_t phase, fmp__rules *rules); /* to be freed even if it fails */
void fmp__rules_free(fmp__rules *rules);

/* What becomes of a value. The last two only while a graph is emitted anew (rewrite_pass.c). */
typedef struct fmp__use {
  uint32_t readers; /* how many live nodes, and outputs, read its data */
  uint32_t stays;   /* no rewrite may lead its readers past it */
  uint32_t instead; /* the value that stands for it now; 0: none does */
  uint32_t since;   /* nodes from this one on may still read it: they make `instead` */
} fmp__use;

/* Does the node read input i's data? One that reads the spec alone breaks no chain. */
int fmp__reads_data(const fmp__node *node, uint32_t i);

/* Does a chain of this rule end in node k? Nobody else may read what its inner ops give, none of
 * its values may have to stay, and no write may come between its first node and its last. chain[]
 * gets its nodes. uses: by value of g. */
int fmp__rule_matches(const fmp__rule *rule, const fmp_graph *g, const fmp__use *uses, uint32_t k,
                      uint32_t *chain);

#endif
