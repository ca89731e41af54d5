/* SPDX-License-Identifier: Apache-2.0
 * Labels in a file, a byte each. */
#ifndef INPUT_LABELS_H
#define INPUT_LABELS_H

#include "file.h"

struct labels {
  int64_t first, stride; /* bytes: where the first one is, and from one to the next */
  int64_t count;
  int64_t classes; /* labels must be below this; 0: any */
};

/* Label number i, of file f, is below `classes`; or *why. */
fmp_status labels_check_one(const struct file *f, int64_t i, int label, int64_t classes, char *why);
/* All of them, so that a wrong one is found before the training and not in the middle of it. */
fmp_status labels_check(const fmp_host *h, const struct file *f, const struct labels *l, char *why);

#endif
