/* SPDX-License-Identifier: Apache-2.0
 * One pass of rewriting: a graph is emitted anew, node by node, and rewrites apply on the way. */
#ifndef FMP_REWRITE_PASS_H
#define FMP_REWRITE_PASS_H

#include "emit/rewrite_rule.h"

/* What keeps rewrites that find no end from going on for ever. */
typedef struct fmp__budget {
  uint64_t left;               /* how often one may still apply */
  const fmp__rewrite *refused; /* that would have been one too many; NULL: none yet */
} fmp__budget;

typedef struct fmp__pass {
  const fmp_graph *from;
  fmp_graph *to; /* NULL: nothing applied */
  const fmp__rules *rules;
  fmp__budget *budget;
  uint32_t applied;
  /* By value and by node of `from`: */
  fmp__use *uses;
  uint32_t *copies; /* the value of `to` that it was copied to; 0: none yet */
  unsigned char *alive;
  /* By value and by node of `to`: */
  fmp__use *now;
  unsigned char *open; /* nobody reads it yet, in a trace that goes on */
  uint32_t now_room, open_room;
  struct fmp__stretch *waiting; /* nodes of `to` that are to be looked at, the last stretch first */
  uint32_t n_waiting, waiting_room;
  uint32_t *turned; /* nodes of `to` that have come to life, or died, with all that follows to do */
  uint32_t n_turned, turned_room;
} fmp__pass;

/* x: n tensors, of which those that are values of `from` stay. p is the caller's to free in any
 * case, and p->to to take before. */
fmp_status fmp__pass_run(fmp__pass *p, const fmp_graph *from, const fmp__rules *rules,
                         fmp__budget *budget, fmp_tensor *const *x, int32_t n);
void fmp__pass_free(fmp__pass *p);

/* The value of p->to that stands for a value of p->from now. 0: none does. */
uint32_t fmp__pass_value(const fmp__pass *p, uint32_t v);

#endif
