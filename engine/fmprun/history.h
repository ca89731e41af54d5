/* SPDX-License-Identifier: Apache-2.0
 *
 * History: the file of lines that were typed at the prompt. Several prompts may add to it at once,
 * and one may be killed at any moment: the file holds whole lines, and only the oldest are ever
 * dropped. */
#ifndef FMP_HISTORY_H
#define FMP_HISTORY_H

#include <stddef.h>

/* Room for the text that says why something failed, without the path. */
enum { HISTORY_WHY = 256 };

/* Adds n bytes, a line with its newline, and drops the older half once the file is larger than
 * `limit` bytes. Returns 0; or -1, then why[HISTORY_WHY] has a text and the file is as it was. */
int history_append(const char *path, const char *line, size_t n, size_t limit, char *why);

/* The file's last whole lines, at most `limit` bytes, into memory for free(): *bytes[0..*n). A file
 * that is not there has none. Returns 0; or -1 and why. */
int history_read(const char *path, size_t limit, char **bytes, size_t *n, char *why);

#endif
