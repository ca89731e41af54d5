/* SPDX-License-Identifier: Apache-2.0
 *
 * A look at a shared object before the loader maps it. The loader believes the file's headers: one
 * that was cut short gives SIGBUS when it is touched, where nothing can be refused any more. */
#ifndef FMP_SHARED_OBJECT_H
#define FMP_SHARED_OBJECT_H

#include "fmp/plugin.h"

/* FMP_EPLUGIN: no shared object for this machine, or not all of one. Texts lack the path. */
fmp_status fmp__shared_object_check(const char *path);

#endif
