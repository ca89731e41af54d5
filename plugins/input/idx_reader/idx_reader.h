/* SPDX-License-Identifier: Apache-2.0 */
#ifndef INPUT_IDX_READER_H
#define INPUT_IDX_READER_H

#include "../files/labels.h"

struct idx_reader {
  fmp_source source;   /* first: what others see */
  fmp_field fields[2]; /* image, label */
  struct file images, labels;
  int64_t images_at, labels_at; /* bytes of the headers */
  int64_t classes;
};

fmp_status idx_reader_register(const fmp_host *h, fmp_registry *r);

#endif
