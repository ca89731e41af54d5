/* SPDX-License-Identifier: Apache-2.0
 * What the definitions and the kernel of pad share. */
#ifndef FMP_ARRAY_PAD_H
#define FMP_ARRAY_PAD_H

#include "../array.h"

typedef struct pad_params {
  fmp_list before, after;
  double value; /* pad_back has none */
} pad_params;

fmp_status pad_add_ref(const fmp_host *h, fmp_registry *r);

#endif
