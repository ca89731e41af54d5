/* SPDX-License-Identifier: Apache-2.0
 *
 * bare_host.h: a plugin without the engine: loads one and keeps what it registers, so that each
 * kernel can be called by itself, on whatever memory.
 */
#ifndef FMP_NIGHTLY_BARE_HOST_H
#define FMP_NIGHTLY_BARE_HOST_H

#include "fmp/plugin.h"

enum { BARE_OPS = 128, BARE_KERNELS = 256 };

struct bare_plugin {
  fmp_op_def ops[BARE_OPS];
  fmp_kernel_def kernels[BARE_KERNELS];
  int n_ops, n_kernels;
};

/* The functions that kernels may call; loops run on the calling thread. */
const fmp_host *bare_host(void);
/* The text of the last failure. */
const char *bare_error(void);

/* Zero, and a line on stderr, if the file is no such plugin. */
int bare_load(const char *path, struct bare_plugin *plugin);
const fmp_op_def *bare_op(const struct bare_plugin *plugin, const char *name);
/* The i-th kernel of an op; NULL behind the last. */
const fmp_kernel_def *bare_kernel(const struct bare_plugin *plugin, const char *op, int i);

#endif
