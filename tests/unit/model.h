/* SPDX-License-Identifier: Apache-2.0
 * A small network that several tests trace, save, run and exhaust memory with:
 *   y = relu(x w1) w2,  x [n, 2], w1 [2, 3], w2 [3, 1] */
#ifndef MODEL_H
#define MODEL_H

#include "support.h"

typedef struct model {
  fmp_tensor *w1, *w2;
} model;

/* Every function here returns the engine's status and leaks nothing on failure. */
fmp_status model_new(model *m);
void model_free(model *m);
/* y for x, eager, recorded or traced. */
fmp_status model_forward(const model *m, fmp_tensor *x, fmp_tensor **y);
/* One step of training towards `target` [n, 1]: loss, gradients, update. */
fmp_status model_step(const model *m, fmp_tensor *x, fmp_tensor *target, fmp_tensor **loss);
/* The graph of y for x of n rows. */
fmp_status model_trace(const model *m, int64_t n, fmp_graph **g);
/* A plan of that graph, its batch size changed to n, run once: y. */
fmp_status model_replay(fmp_graph *g, fmp_tensor *x, fmp_tensor **y);
/* relu(x w1) w2 in plain C, for x of n rows. */
void model_expect(const float *x, int64_t n, float *y);

#endif
