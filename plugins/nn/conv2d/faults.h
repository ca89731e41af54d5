/* SPDX-License-Identifier: Apache-2.0
 * Shapes at which implementations of oneDNN are known to compute wrongly: see
 * docs/decisions/shapes-refused-to-onednn.md. */
#ifndef FMP_NN_FAULTS_H
#define FMP_NN_FAULTS_H

#include "executor.h"

/* name: oneDNN's name for the implementation, such as "jit_1x1:avx2".  [any-thread] */
int onednn_is_faulty(const char *name, const struct conv_job *job);

#endif
