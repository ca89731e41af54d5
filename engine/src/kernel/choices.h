/* SPDX-License-Identifier: Apache-2.0
 *
 * Measured choices of kernels, by the text of what they were measured for; kept in a file if one
 * was named. Any thread. docs/decisions/autotune-keeps-a-file.md has the reasons. */
#ifndef FMP_CHOICES_H
#define FMP_CHOICES_H

#include "base/text.h"
#include "fmp/plugin.h"

/* Starts anew: from the file, if path is not empty and there is one. */
fmp_status fmp__choices_open(const char *path);
void fmp__choices_close(void); /* both first save what was open, and warn if they cannot */
int fmp__choices_are_open(void);
/* Appends the kernel's name to *name, or nothing if there is no choice for this key. */
void fmp__choices_find(const char *key, fmp__text *name);
/* Adds a choice or replaces it. The file gets it now or later: at the latest when other choices are
 * opened or the process ends, unless it crashes. So a failure may be that of earlier choices. */
fmp_status fmp__choices_add(const char *key, const char *name);
/* Writes what the file lacks, if it lacks anything. */
fmp_status fmp__choices_save(void);

#endif
