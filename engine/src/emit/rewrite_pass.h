/* SPDX-License-Identifier: Apache-2.0
 *
 * One pass of rewriting: a graph is emitted anew, node by node, and rewrites apply on the way. */
#ifndef FMP_REWRITE_PASS_H
#define FMP_REWRITE_PASS_H

#include "emit/rewrite_rule.h"

/* Keeps rewrites that find no end from going on for ever; shared by all passes of one rewriting. */
typedef struct fmp__budget {
  uint64_t left;               /* how many more times any may apply */
  const fmp__rewrite *refused; /* the first that was one too many; NULL: none was */
} fmp__budget;

/* What holds between two steps of a pass:
 * - now[v].readers, for a value v of `to` that a node makes, is the number of live nodes of `to`
 *   that read its data (a late one counts for what it should read), of live nodes of `from` that
 *   will when they are copied, and of outputs of `from`.
 * - A node is alive if a value that it makes has readers, if it acts by itself, or if it is an open
 *   end of a trace. One that is not alive reads nothing.
 * - `turned` is empty; `now` and `open` cover all values and nodes of `to`. */
typedef struct fmp__pass {
  const fmp_graph *from;
  fmp_graph *to; /* NULL: nothing applied */
  const fmp__rules *rules;
  fmp__budget *budget;
  uint32_t applied;
  /* By value and by node of `from`: */
  fmp__use *uses;
  uint32_t *copies; /* the value of `to` that is its copy; 0: none yet */
  unsigned char *alive;
  /* By value and by node of `to`: */
  fmp__use *now;
  unsigned char *open; /* an end of a trace that goes on: somebody may read it later */
  uint32_t now_room, open_room;
  struct fmp__node_range *waiting; /* nodes of `to` to be looked at, the last range first */
  uint32_t n_waiting, waiting_room;
  uint32_t *turned; /* nodes of `to` that have just come to life, or died */
  uint32_t n_turned, turned_room;
} fmp__pass;

/* x: n tensors; those that are values of `from` stay. p is the caller's to free in any case, who
 * takes p->to before. Nothing of `from` changes. */
fmp_status fmp__pass_run(fmp__pass *p, const fmp_graph *from, const fmp__rules *rules,
                         fmp__budget *budget, fmp_tensor *const *x, int32_t n);
void fmp__pass_free(fmp__pass *p);

/* The value of p->to that stands for value v of p->from now; 0: none does. */
uint32_t fmp__pass_value(const fmp__pass *p, uint32_t v);

#endif
