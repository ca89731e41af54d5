/* SPDX-License-Identifier: Apache-2.0 */
#ifndef INPUT_RECORD_READER_H
#define INPUT_RECORD_READER_H

#include "../files/labels.h"

struct record_label {
  int64_t index, classes; /* which of a record's label bytes; see struct labels */
};

struct record_reader {
  fmp_source source;                       /* first: what others see */
  fmp_field fields[FMP_SOURCE_MAX_FIELDS]; /* the image, then the labels */
  struct record_label labels[FMP_SOURCE_MAX_FIELDS - 1];
  int64_t n_labels, label_bytes, record_bytes;
  int planes;         /* images lie as [c,h,w] */
  struct file *files; /* room of them allocated, n_files open */
  int64_t *first;     /* number of each file's first example; parallel to files */
  int64_t n_files, room;
};

fmp_status record_reader_register(const fmp_host *h, fmp_registry *r);

#endif
