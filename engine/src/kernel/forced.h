/* SPDX-License-Identifier: Apache-2.0
 *
 * Kernels that the user wants, by fmp_kernel_force or FMP_KERNEL, and the epoch of choices. Any
 * thread. */
#ifndef FMP_FORCED_H
#define FMP_FORCED_H

#include "define/definition.h"

/* One wish: "ref" is {"", "ref"}, any op's; "sigmoid:ref" is {"sigmoid", "ref"}. */
typedef struct fmp__wish {
  char op[64], name[64];
} fmp__wish;

enum { FMP__MAX_WISHES = 32 };

typedef struct fmp__wishes {
  fmp__wish items[FMP__MAX_WISHES];
  uint32_t n;
} fmp__wishes;

/* A copy of what is wished now, so that one choice sees one set of wishes. FMP_ENOTFOUND,
 * FMP_EINVAL: FMP_KERNEL names no kernel that is registered; then no op runs until that is
 * mended. */
fmp_status fmp__wishes_now(fmp__wishes *wishes);
/* The place of the first wish that the kernel fulfils for this op; wishes->n if there is none. */
uint32_t fmp__wish_of(const fmp__wishes *wishes, const fmp__kernel *kernel, const char *op);
int fmp__kernel_is_forced(void);

/* A number that grows whenever a choice could come out differently than before: wishes, autotuning
 * or the set of plugins have changed. A cached choice of another epoch is not used. Plans keep the
 * kernels that they were made with. */
uint64_t fmp__kernel_epoch(void);
void fmp__kernel_choices_changed(void);

#endif
