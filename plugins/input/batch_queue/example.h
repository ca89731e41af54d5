/* SPDX-License-Identifier: Apache-2.0
 * What becomes of an example's bytes: scaled, augmented, centred on a field of zeros. */
#ifndef INPUT_EXAMPLE_H
#define INPUT_EXAMPLE_H

#include "affine.h"
#include "fmp/plugin.h"

/* The user's options, for a queue's images or those given to prepare_images. */
struct recipe_options {
  double scale, shift, stretch, flip, skew;
  int64_t translate;
  fmp_list field; /* [height,width], or empty: the image's own */
};

/* Rows of an attribute table, for a struct whose field `recipe` has a field of each name: of
 * recipe_options, or lists (many: FMP_ATTR_LIST, TEXT: the default as one). */
/* clang-format off */
#define RECIPE_ROW(type, name, kind, default_text, allowed, doc) \
  { #name, (kind), (uint32_t)offsetof(type, recipe.name), \
    (uint32_t)sizeof(((type *)0)->recipe.name), 0, (default_text), (allowed), (doc) }
#define RECIPE_PLAIN(text) text
#define RECIPE_LISTED(text) "[" text "]"
#define RECIPE_ROWS(type, many, TEXT) \
  RECIPE_ROW(type, scale, FMP_ATTR_F64 | (many), TEXT("1"), NULL, "x = byte scale + shift"), \
  RECIPE_ROW(type, shift, FMP_ATTR_F64 | (many), TEXT("0"), NULL, "see scale"), \
  RECIPE_ROW(type, stretch, FMP_ATTR_F64 | (many), TEXT("0"), "[0,1)", \
             "each axis is stretched by a random factor in 1 +- this"), \
  RECIPE_ROW(type, flip, FMP_ATTR_F64 | (many), TEXT("0"), "[0,1]", \
             "the probability that left and right are exchanged"), \
  RECIPE_ROW(type, skew, FMP_ATTR_F64 | (many), TEXT("0"), "[0,1]", \
             "random shear along one axis, or rotation in radians: in +- this"), \
  RECIPE_ROW(type, translate, FMP_ATTR_I64 | (many), TEXT("0"), "[0,65536)", \
             "random shift on each axis, in whole pixels: in +- this")
/* clang-format on */

struct recipe {
  struct geometry geometry; /* height and width -1: each image's own */
  uint32_t dtype;           /* FMP_U8: bytes as they are; FMP_F32: value[byte] */
  int augmented;            /* f32 only */
  float value[256];
  struct affine_limits limits;
};

/* Whether images are resampled, which takes scratch memory and random draws. */
int recipe_augments(const struct recipe_options *o);
/* Whether anything is asked for. */
int recipe_changes(const struct recipe_options *o);
/* From options, for images [height,width,channels] to be delivered as dtype, f32 or u8. A height or
 * width of -1 differs between images; if `field` does not give the field's size, that is -1 too. */
fmp_status recipe_set(const fmp_host *h, const struct recipe_options *o, const int64_t image[3],
                      uint32_t dtype, struct recipe *r);

/* The geometry of an image [height,width,channels]. */
struct geometry recipe_geometry(const struct recipe *r, const int64_t image[3]);

/* Elements of one example as delivered: field_height * field_width * channels. */
int64_t recipe_elements(const struct recipe *r);
/* f32 elements of scratch that example_write() wants; 0: none. */
int64_t recipe_scratch(const struct recipe *r, const struct geometry *g);

/* pixels [height,width,channels] to out [field_height,field_width,channels]. An image that
 * is larger than the field loses its border. key: for augmentation. */
void example_write(const struct recipe *r, const struct geometry *g, const uint8_t *pixels,
                   float *scratch, const struct affine_key *key, void *out);

#endif
