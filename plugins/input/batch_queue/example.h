/* SPDX-License-Identifier: Apache-2.0
 * What becomes of an example's bytes: scaled, augmented, centred on a field of zeros. */
#ifndef INPUT_EXAMPLE_H
#define INPUT_EXAMPLE_H

#include "affine.h"
#include "fmp/types.h"

struct recipe {
  struct geometry geometry;
  uint32_t dtype; /* FMP_U8: bytes as they are; FMP_F32: value[byte] */
  int augmented;  /* f32 only */
  float value[256];
  struct affine_limits limits;
};

/* value[v] = v scale + shift, rounded once. */
void recipe_set_scale(struct recipe *r, double scale, double shift);

/* Elements of one example as delivered: field_height * field_width * channels. */
int64_t recipe_elements(const struct recipe *r);
/* f32 elements of scratch that example_write() wants; 0: none. */
int64_t recipe_scratch(const struct recipe *r);

/* pixels [height,width,channels] to out [field_height,field_width,channels]. An image that
 * is larger than the field loses its border. Example `index` of `epoch` for augmentation. */
void example_write(const struct recipe *r, const uint8_t *pixels, float *scratch, uint64_t seed,
                   int64_t epoch, int64_t index, void *out);

#endif
