/* SPDX-License-Identifier: Apache-2.0
 * The path of names that ops are emitted under, "cifar_fmp/3": where messages say that they
 * failed, and what the draws of random ops depend on. Each thread has its own. */
#ifndef FMP_SCOPE_H
#define FMP_SCOPE_H

enum { FMP__SCOPE_PATH = 512 };

/* Sets the path for ops that are emitted on behalf of another; restore with the old one. */
void fmp__scope_set(const char *path);

#endif
