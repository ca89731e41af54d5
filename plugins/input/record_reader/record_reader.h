/* SPDX-License-Identifier: Apache-2.0 */
#ifndef INPUT_RECORD_READER_H
#define INPUT_RECORD_READER_H

#include "../files/labels.h"
#include "../source/source.h"

struct record_reader {
  fmp_source source; /* first: what the queue sees */
  int64_t label_bytes, label_index, record_bytes, classes;
  int planes;         /* images lie as [c,h,w] */
  struct file *files; /* room of them allocated, n_files open */
  int64_t *first;     /* number of each file's first example; parallel to files */
  int64_t n_files, room;
};

fmp_status record_reader_register(const fmp_host *h, fmp_registry *r);

#endif
