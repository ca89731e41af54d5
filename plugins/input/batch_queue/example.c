/* SPDX-License-Identifier: Apache-2.0 */
#include "example.h"

#include <math.h>
#include <string.h>

/* value[v] = v scale + shift, rounded once. */
static void set_scale(struct recipe *r, double scale, double shift)
{
  for (int v = 0; v < 256; v++) r->value[v] = (float)(v * scale + shift);
}

static fmp_status set_geometry(const fmp_host *h, const fmp_list *list, const int64_t image[3],
                               struct geometry *g)
{
  const int64_t *field = list->items;
  FMP_REQUIRE(h, list->count == 0 || list->count == 2, FMP_EINVAL,
              "expected field as [height,width], got %lld numbers", (long long)list->count);
  *g = (struct geometry){.height = image[0],
                         .width = image[1],
                         .channels = image[2],
                         .field_height = list->count ? field[0] : image[0],
                         .field_width = list->count ? field[1] : image[1]};
  return FMP_OK;
}

struct geometry recipe_geometry(const struct recipe *r, const int64_t image[3])
{
  struct geometry g = r->geometry;
  g.height = image[0];
  g.width = image[1];
  return g;
}

static int scales(const struct recipe_options *o)
{
  return o->scale < 1 || o->scale > 1 || o->shift < 0 || o->shift > 0;
}

int recipe_augments(const struct recipe_options *o)
{
  return o->stretch > 0 || o->flip > 0 || o->skew > 0 || o->translate > 0;
}

int recipe_changes(const struct recipe_options *o)
{
  return scales(o) || recipe_augments(o) || o->field.count > 0;
}

fmp_status recipe_set(const fmp_host *h, const struct recipe_options *o, const int64_t image[3],
                      uint32_t dtype, struct recipe *r)
{
  FMP_REQUIRE(h, isfinite(o->scale) && isfinite(o->shift), FMP_EINVAL,
              "expected finite numbers as scale and shift");
  r->dtype = dtype;
  r->augmented = recipe_augments(o);
  FMP_REQUIRE(h, dtype == FMP_F32 || !(scales(o) || r->augmented), FMP_EINVAL,
              "expected dtype f32 for scaled or augmented images, got u8");
  set_scale(r, o->scale, o->shift);
  r->limits = (struct affine_limits){o->stretch, o->flip, o->skew, o->translate};
  return set_geometry(h, &o->field, image, &r->geometry);
}

int64_t recipe_elements(const struct recipe *r)
{
  return r->geometry.field_height * r->geometry.field_width * r->geometry.channels;
}

int64_t recipe_scratch(const struct recipe *r, const struct geometry *g)
{
  return r->augmented ? (g->height + 2) * (g->width + 2) * g->channels : 0;
}

/* -- without augmentation -------------------------------------------------- */

/* One axis: `length` places from `from` in the image go to `to` in the field. */
struct overlap {
  int64_t from, to, length;
};

static struct overlap centre(int64_t image, int64_t field)
{
  if (image <= field) return (struct overlap){0, (field - image) / 2, image};
  return (struct overlap){(image - field) / 2, 0, field};
}

static void scale_row(const struct recipe *r, const uint8_t *in, int64_t n, float *out)
{
  for (int64_t i = 0; i < n; i++) out[i] = r->value[in[i]];
}

static void place(const struct recipe *r, const struct geometry *g, const uint8_t *pixels,
                  void *out)
{
  const struct overlap rows = centre(g->height, g->field_height);
  const struct overlap columns = centre(g->width, g->field_width);
  const int64_t n = columns.length * g->channels;
  for (int64_t i = 0; i < rows.length; i++) {
    const uint8_t *in = pixels + ((rows.from + i) * g->width + columns.from) * g->channels;
    const int64_t at = ((rows.to + i) * g->field_width + columns.to) * g->channels;
    if (r->dtype == FMP_U8)
      memcpy((uint8_t *)out + at, in, (size_t)n);
    else
      scale_row(r, in, n, (float *)out + at);
  }
}

/* -- with ------------------------------------------------------------------ */

/* padded [height+2, width+2, channels]: the scaled image inside a border of zeros. */
static void pad(const struct recipe *r, const struct geometry *g, const uint8_t *pixels,
                float *padded)
{
  const int64_t n = g->width * g->channels, stride = n + 2 * g->channels;
  memset(padded, 0, (size_t)recipe_scratch(r, g) * sizeof *padded);
  for (int64_t i = 0; i < g->height; i++)
    scale_row(r, pixels + i * n, n, padded + (i + 1) * stride + g->channels);
}

void example_write(const struct recipe *r, const struct geometry *g, const uint8_t *pixels,
                   float *scratch, const struct affine_key *key, void *out)
{
  const size_t element = r->dtype == FMP_U8 ? 1 : sizeof(float);
  memset(out, 0, (size_t)recipe_elements(r) * element);
  if (!r->augmented) {
    place(r, g, pixels, out);
    return;
  }
  const struct affine a = affine_draw(&r->limits, key);
  pad(r, g, pixels, scratch);
  affine_resample(&a, g, scratch, out);
}
