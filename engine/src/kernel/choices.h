/* SPDX-License-Identifier: Apache-2.0
 * Measured choices of kernels, by the text of what they were measured for; kept in a file
 * if there is one. Any thread. */
#ifndef FMP_CHOICES_H
#define FMP_CHOICES_H

#include "fmp/plugin.h"
#include "base/text.h"

/* Starts anew, from the file if path is not empty and it is there. */
fmp_status fmp__choices_open(const char *path);
void fmp__choices_close(void);
int fmp__choices_are_open(void);
/* Appends the kernel's name to *name; nothing if there is no choice. */
void fmp__choices_find(const char *key, fmp__text *name);
/* Adds or replaces one, and writes the file. */
fmp_status fmp__choices_add(const char *key, const char *name);

#endif
