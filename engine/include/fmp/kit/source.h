/* SPDX-License-Identifier: Apache-2.0
 *
 * The interface "fmp.source/1": where examples come from, apart from the queue that asks for
 * them. A source numbers its examples and reads any of them on any thread; it knows nothing
 * of order, batches or epochs. A resource whose state begins with an fmp_source, and which
 * says so in its `interfaces`, can feed every queue.
 */
#ifndef FMP_KIT_SOURCE_H
#define FMP_KIT_SOURCE_H

#include "fmp/plugin.h"

#define FMP_SOURCE "fmp.source/1"

/* A failure as a value: the host keeps texts per thread, and what fails in a worker must
 * reach the thread that asks for the data. */
typedef struct fmp_failure {
  fmp_status status;
  char text[768]; /* with the name of the file */
} fmp_failure;

typedef struct fmp_source fmp_source;

struct fmp_source {
  size_t struct_size;              /* end of the last field that is set */
  int64_t count;                   /* examples, 1 .. INT32_MAX */
  int64_t height, width, channels; /* of each example; each 1 .. 65535 */
  int64_t scratch_bytes;           /* what each caller of read() lends it */

  /* [any-thread] Example i, 0 .. count-1: pixels [height,width,channels] u8 and its label.
   * On failure *why says what and where, and its status is returned: that one counts. All of
   * pixels and label is written otherwise. */
  fmp_status (*read)(const fmp_source *s, int64_t i, uint8_t *scratch, uint8_t *pixels,
                     int32_t *label, fmp_failure *why);
};

/* Bytes of one example's pixels. */
static inline int64_t fmp_source_pixels(const fmp_source *s)
{
  return s->height * s->width * s->channels;
}

#endif
