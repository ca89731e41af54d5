/* SPDX-License-Identifier: Apache-2.0
 *
 * Output: what was printed must have arrived, or the program says so and fails. */
#ifndef FMP_OUTPUT_H
#define FMP_OUTPUT_H

/* However the process ends from now on, but for signals, its output is closed and what could
 * not be written makes it end with status 1. A limit on the size of files is an error of the
 * write that meets it, and no signal that kills. */
void output_watch(void);

/* Writes what is held back: before exit handlers of libraries do, which would forget why they
 * could not, and before an end by a signal. */
void output_flush(void);

#endif
