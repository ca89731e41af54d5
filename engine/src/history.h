/* SPDX-License-Identifier: Apache-2.0
 *
 * History: the file of lines that were typed at the prompt. Several prompts may add to it
 * at once. */
#ifndef FMP_HISTORY_H
#define FMP_HISTORY_H

#include <stddef.h>

/* Adds n bytes, a line with its newline, and drops the older half once the file is bigger
 * than `limit` bytes. Returns 0, or the errno that tells why it cannot; the file is then as
 * it was. */
int history_append(const char *path, const char *line, size_t n, size_t limit);

#endif
