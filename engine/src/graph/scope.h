/* SPDX-License-Identifier: Apache-2.0
 *
 * The path of names that ops are emitted under, "cifar_fmp/3". Failures begin with it, nodes keep
 * it, and what random ops draw depends on it. Each thread has its own. */
#ifndef FMP_SCOPE_H
#define FMP_SCOPE_H

enum { FMP__SCOPE_PATH = 512 };

/* Replaces the whole path, while ops are emitted on behalf of another one (gradients, rewrites,
 * loaded graphs). Whoever does so has copied the old path and sets it again: pushes and pops in
 * between would be lost. */
void fmp__scope_set(const char *path);

#endif
