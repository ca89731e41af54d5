/* SPDX-License-Identifier: Apache-2.0
 *
 * Output: what was printed must have arrived, or the program says so and fails. */
#ifndef FMP_OUTPUT_H
#define FMP_OUTPUT_H

/* From now on, however the process ends but by a signal, its output is closed, and if something
 * could not be written it ends with status 1. A limit on the size of files makes a write fail
 * instead of killing the process. */
void output_watch(void);

/* Writes what is held back. Called before exit handlers of libraries run, which would flush it too
 * but forget why they could not, and before the process dies by a signal. */
void output_flush(void);

#endif
