/* SPDX-License-Identifier: Apache-2.0
 * What a queue delivers: which fields of its source, and what it does to those that are images. */
#ifndef INPUT_DELIVERY_H
#define INPUT_DELIVERY_H

#include "../source/source.h"
#include "example.h"

/* The user's options. Each list except the first two has an element for each image, or one for
 * all; `field` has two, and [0,0] is the image's own size. */
struct delivery_options {
  fmp_list deliver, images; /* names */
  fmp_list dtype, scale, shift, field, stretch, flip, skew, translate;
};

/* Rows of an attribute table, for a struct whose field `recipe` is delivery_options. */
/* clang-format off */
#define DELIVERY_ROWS(type) \
  RECIPE_ROW(type, deliver, FMP_ATTR_STRINGS, "[]", NULL, \
             "names of the fields that a batch has, in this order; []: all"), \
  RECIPE_ROW(type, images, FMP_ATTR_STRINGS, "[]", NULL, \
             "names of fields u8 [h,w,c] that the attributes below apply to, with one value for " \
             "all or one for each; []: 'image', or else the first such field"), \
  RECIPE_ROW(type, dtype, FMP_ATTR_DTYPES, "[f32]", NULL, \
             "the type of images: f32, or u8 for unchanged bytes"), \
  RECIPE_ROW(type, field, FMP_ATTR_I64S, "[]", "[0,65536)", \
             "[height,width] of a field of zeros that images are centred on, or cut to; 0,0: " \
             "their own"), \
  RECIPE_ROWS(type, FMP_ATTR_LIST, RECIPE_LISTED)
/* clang-format on */

/* One field of a batch. */
struct delivery {
  const char *name; /* the source's */
  uint32_t field;   /* number in the source */
  fmp_spec spec;    /* of one example, as delivered */
  int64_t bytes;    /* of that */
  int is_image;     /* the recipe applies */
  int is_changed;   /* by the recipe: not read straight into the batch */
  struct recipe recipe;
};

struct deliveries {
  uint32_t n;
  struct delivery each[FMP_SOURCE_MAX_FIELDS];
};

/* Fails where a field cannot be stacked, with its name and shape. */
fmp_status deliveries_set(const fmp_host *h, const fmp_source_copy *s,
                          const struct delivery_options *o, struct deliveries *d);

/* Whether an example of this spec is an image u8 [h,w,c] of a size that can be handled. */
int delivery_is_image(const fmp_spec *s);

int64_t deliveries_bytes(const struct deliveries *d); /* of one example */

#endif
