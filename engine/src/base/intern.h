/* SPDX-License-Identifier: Apache-2.0
 *
 * Texts that stay: one copy of each, until fmp__intern_free. For names of work that a device may
 * complain about after whoever enqueued it has gone. */
#ifndef FMP_INTERN_H
#define FMP_INTERN_H

/* The copy of a + b + c; c alone if there is no memory for one, so c is a text that stays.
 * [any thread] */
const char *fmp__intern(const char *a, const char *b, const char *c);
/* For fmp_shutdown: nobody holds one any more. */
void fmp__intern_free(void);

#endif
