/* SPDX-License-Identifier: Apache-2.0
 * What the grids of libraries' kernels share. */
#ifndef FMP_NIGHTLY_LIBRARY_GRID_H
#define FMP_NIGHTLY_LIBRARY_GRID_H

#include "trial.h"

/* A grid: cases 0 to count - 1, each with all types and directions. */
struct grid {
  const char *name, *plugin, *kernels; /* kernels: names, separated by spaces */
  int64_t (*count)(void);
  void (*run)(const struct grid *g, int64_t i, struct report *r);
  struct bare_plugin *loaded;
};

extern const struct grid conv_grid, matmul_grid;

/* The same numbers for the same case on every machine. */
struct draw {
  uint64_t state;
};
struct draw draw_for(int64_t i);
int64_t draw_below(struct draw *d, int64_t n);

/* Random numbers of [-1, 1], the same for all; bf16's are a part of f32's. NULL: too many. */
const void *random_values(uint32_t dtype, int64_t count, int64_t offset);

/* Is the name one of the grid's kernels? */
int grid_names(const struct grid *g, const char *name);

#endif
