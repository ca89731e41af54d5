/* SPDX-License-Identifier: Apache-2.0
 *
 * Builders: what gradient and rewrite functions of plugins emit through. They are lent for one
 * call, on one thread, and everything that a plugin hands to one is checked, since a plugin may
 * hold on to it, mix two up, or call a function where it makes no sense. */
#ifndef FMP_BUILDER_H
#define FMP_BUILDER_H

#include "graph/graph.h"

/* Where a builder is lent. */
enum { FMP__IN_GRADIENT = 1, FMP__IN_REWRITE = 2 };

/* The sweep or pass that lends the builder owns it and its arrays. `status` is the first failure:
 * from then on every function does nothing and returns 0, so that gradients need no checks in
 * between. */
struct fmp_builder {
  fmp_graph *graph;
  uint32_t place;      /* FMP__IN_* */
  fmp_builder *before; /* what was lent to this thread before, and will be again */
  fmp_status status;   /* the first failure; its text is `text` */
  char text[FMP__ERROR_TEXT];

  /* Gradients: the node that is differentiated. */
  uint32_t node;               /* its number in the graph */
  const fmp_op *op;            /* its op; NULL while the engine itself emits */
  const uint32_t *douts;       /* value of d(loss)/d(output i), 0: none */
  const unsigned char *wanted; /* by input */
  fmp_value *dx;               /* by input: what grad_set was given */
  unsigned char *set;          /* by input: whether it was */

  /* Rewrites: the nodes of the match (their copies in `graph`), and what is to replace the last
   * one's outputs. */
  const uint32_t *chain;
  uint32_t chain_length;
  fmp_value *replacements; /* by output */
};

/* A plugin's function may use b between these two. fmp__builder_end returns what came of the call:
 * the builder's first failure, whatever the function returned, or else the status that it
 * returned. */
void fmp__builder_begin(fmp_builder *b);
fmp_status fmp__builder_end(fmp_builder *b, fmp_status returned, const char *function);

/* Keeps the status, with the thread's text, if it is the first failure. */
void fmp__builder_fail(fmp_builder *b, fmp_status status);
/* Emits an op for the engine itself: without the checks of what plugins hand over. 0: it has
 * failed. */
fmp_value fmp__builder_emit_op(fmp_builder *b, const fmp_op *op, const fmp_attr *attrs,
                               uint32_t n_attr, const fmp_value *in, uint32_t n_in);

/* The functions of fmp_host; plugin.h says what they promise. */
fmp_value fmp__builder_emit(fmp_builder *b, const char *op, const fmp_attr *attrs, uint32_t n_attr,
                            const fmp_value *in, uint32_t n_in);
fmp_value fmp__builder_output(fmp_builder *b, fmp_value v, uint32_t i);
void fmp__builder_spec(fmp_builder *b, fmp_value v, fmp_spec *spec);
uint32_t fmp__builder_grad_inputs(fmp_builder *b);
int32_t fmp__builder_grad_wants(fmp_builder *b, uint32_t i);
fmp_value fmp__builder_grad_in(fmp_builder *b, uint32_t i);
fmp_value fmp__builder_grad_out(fmp_builder *b, uint32_t i);
fmp_value fmp__builder_grad_dout(fmp_builder *b, uint32_t i);
void fmp__builder_grad_set(fmp_builder *b, uint32_t i, fmp_value dx);
const void *fmp__builder_node_params(fmp_builder *b, uint32_t k);
int32_t fmp__builder_node_attr(fmp_builder *b, uint32_t k, const char *name, fmp_attr *attr);
fmp_value fmp__builder_node_in(fmp_builder *b, uint32_t k, uint32_t i);
void fmp__builder_replace(fmp_builder *b, uint32_t output, fmp_value v);
fmp_value fmp__builder_emit_node(fmp_builder *b, uint32_t k, const fmp_value *in, uint32_t n_in);

#endif
