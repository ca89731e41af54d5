/* SPDX-License-Identifier: Apache-2.0 */
#include "delivery.h"

enum { LARGEST_SIDE = 65535 };

/* -- which fields ---------------------------------------------------------- */

enum { FIELDS_TEXT = FMP_SOURCE_MAX_FIELDS * (FMP_SOURCE_NAME + FMP_SPEC_TEXT + 4) };

/* "image u8 [32,32,3], label i32 []" into text[FIELDS_TEXT]. */
static const char *fields_text(const fmp_host *h, const fmp_source_copy *s, char *text)
{
  char spec[FMP_SPEC_TEXT];
  size_t n = 0;
  for (uint32_t i = 0; i < s->about.n_fields && n < FIELDS_TEXT; i++)
    n += (size_t)snprintf(text + n, FIELDS_TEXT - n, "%s%s %s", i ? ", " : "", s->fields[i].name,
                          h->spec_text(&s->fields[i].spec, spec));
  return text;
}

static struct delivery *find(struct deliveries *d, const char *name)
{
  for (uint32_t i = 0; i < d->n; i++)
    if (strcmp(d->each[i].name, name) == 0) return &d->each[i];
  return NULL;
}

static void add(const fmp_source_copy *s, uint32_t field, struct deliveries *d)
{
  const fmp_field *f = &s->fields[field];
  d->each[d->n++] = (struct delivery){.name = f->name, .field = field, .spec = f->spec};
}

static fmp_status add_named(const fmp_host *h, const fmp_source_copy *s, const char *name,
                            struct deliveries *d)
{
  char text[FIELDS_TEXT];
  uint32_t i = 0;
  FMP_REQUIRE(h, find(d, name) == NULL, FMP_EINVAL, "expected each field once, got '%s' again",
              name);
  while (i < s->about.n_fields && strcmp(s->fields[i].name, name) != 0) i++;
  FMP_REQUIRE(h, i < s->about.n_fields, FMP_EINVAL, "no field '%s'; there are %s", name,
              fields_text(h, s, text));
  add(s, i, d);
  return FMP_OK;
}

static fmp_status add_fields(const fmp_host *h, const fmp_source_copy *s, const fmp_list *names,
                             struct deliveries *d)
{
  const char *const *items = names->items;
  for (int64_t i = 0; i < names->count; i++) FMP_TRY(add_named(h, s, items[i], d));
  for (uint32_t i = 0; i < s->about.n_fields && names->count == 0; i++) add(s, i, d);
  return FMP_OK;
}

/* -- images ---------------------------------------------------------------- */

static int is_side(int64_t n) { return n >= 1 && n <= LARGEST_SIDE; }

static int may_be_image(const fmp_spec *s)
{
  return s->dtype == FMP_U8 && s->rank == 3 && (is_side(s->shape[0]) || s->shape[0] == -1) &&
         (is_side(s->shape[1]) || s->shape[1] == -1) && is_side(s->shape[2]);
}

int delivery_is_image(const fmp_spec *s) { return may_be_image(s) && !fmp_source_varies(s); }

/* The image that is meant if no field is named; NULL: there is none. */
static struct delivery *default_image(struct deliveries *d)
{
  struct delivery *named = find(d, "image");
  if (named && may_be_image(&named->spec)) return named;
  for (uint32_t i = 0; i < d->n; i++)
    if (may_be_image(&d->each[i].spec)) return &d->each[i];
  return NULL;
}

/* Element k of a list that has one for each image, or one for all. */
#define ELEMENT(type, list, k) (((const type *)(list).items)[(list).count > 1 ? (k) : 0])

static fmp_list field_of(const fmp_list *field, int64_t k)
{
  const int64_t *sizes = field->items;
  if (field->count > 2) sizes += 2 * k;
  const int is_own = field->count == 0 || (sizes[0] == 0 && sizes[1] == 0);
  return (fmp_list){sizes, is_own ? 0 : 2};
}

static struct recipe_options options_of(const struct delivery_options *o, int64_t k)
{
  return (struct recipe_options){.scale = ELEMENT(double, o->scale, k),
                                 .shift = ELEMENT(double, o->shift, k),
                                 .stretch = ELEMENT(double, o->stretch, k),
                                 .flip = ELEMENT(double, o->flip, k),
                                 .skew = ELEMENT(double, o->skew, k),
                                 .translate = ELEMENT(int64_t, o->translate, k),
                                 .field = field_of(&o->field, k)};
}

static fmp_status check_sizes(const fmp_host *h, const fmp_list *field, int64_t n)
{
  const int64_t *sizes = field->items;
  FMP_REQUIRE(h, field->count == 0 || field->count == 2 || field->count == 2 * n, FMP_EINVAL,
              "expected field as [height,width], got %lld numbers", (long long)field->count);
  for (int64_t i = 0; i < field->count; i += 2)
    FMP_REQUIRE(h, (sizes[i] == 0) == (sizes[i + 1] == 0), FMP_EINVAL,
                "expected field as [height,width], got [%lld,%lld]", (long long)sizes[i],
                (long long)sizes[i + 1]);
  return FMP_OK;
}

/* Lists for n images. */
static fmp_status check_lists(const fmp_host *h, const struct delivery_options *o, int64_t n)
{
  const struct {
    const char *name;
    const fmp_list *list;
  } lists[] = {{"dtype", &o->dtype},        {"scale", &o->scale}, {"shift", &o->shift},
               {"stretch", &o->stretch},    {"flip", &o->flip},   {"skew", &o->skew},
               {"translate", &o->translate}};
  for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
    FMP_REQUIRE(h, lists[i].list->count == 1 || lists[i].list->count == n, FMP_EINVAL,
                "expected %s for all images or for each of %lld, got %lld values", lists[i].name,
                (long long)n, (long long)lists[i].list->count);
  const uint32_t *dtypes = o->dtype.items;
  for (int64_t i = 0; i < o->dtype.count; i++)
    FMP_REQUIRE(h, dtypes[i] == FMP_F32 || dtypes[i] == FMP_U8, FMP_EDTYPE,
                "expected dtype f32 or u8, got another");
  return check_sizes(h, &o->field, n);
}

static fmp_status set_image(const fmp_host *h, const struct delivery_options *o, int64_t k,
                            struct delivery *d)
{
  const struct recipe_options options = options_of(o, k);
  const struct geometry *g = &d->recipe.geometry;
  const uint32_t dtype = ELEMENT(uint32_t, o->dtype, k);
  FMP_TRY(recipe_set(h, &options, d->spec.shape, dtype, &d->recipe));
  d->is_image = 1;
  d->is_changed = dtype != FMP_U8 || options.field.count > 0;
  d->spec = (fmp_spec){
      .dtype = dtype, .rank = 3, .shape = {g->field_height, g->field_width, g->channels}};
  return FMP_OK;
}

static fmp_status set_named(const fmp_host *h, const struct delivery_options *o, int64_t k,
                            struct deliveries *d)
{
  const char *name = ((const char *const *)o->images.items)[k];
  struct delivery *image = find(d, name);
  char text[FMP_SPEC_TEXT];
  FMP_REQUIRE(h, image != NULL, FMP_EINVAL, "expected images among the fields of batches, got '%s'",
              name);
  FMP_REQUIRE(h, !image->is_image, FMP_EINVAL, "expected each image once, got '%s' again", name);
  FMP_REQUIRE(h, may_be_image(&image->spec), FMP_EINVAL,
              "expected '%s' as images u8 [h,w,c], got %s", name, h->spec_text(&image->spec, text));
  return set_image(h, o, k, image);
}

static fmp_status set_images(const fmp_host *h, const fmp_source_copy *s,
                             const struct delivery_options *o, struct deliveries *d)
{
  char text[FIELDS_TEXT];
  const int64_t n = o->images.count > 0 ? o->images.count : 1;
  FMP_TRY(check_lists(h, o, n));
  for (int64_t k = 0; k < o->images.count; k++) FMP_TRY(set_named(h, o, k, d));
  if (o->images.count > 0) return FMP_OK;
  struct delivery *image = default_image(d);
  if (image) return set_image(h, o, 0, image);
  const struct recipe_options options = options_of(o, 0);
  FMP_REQUIRE(h, !recipe_changes(&options), FMP_EINVAL,
              "expected a field of images, u8 [h,w,c], to scale, centre or augment; there are %s",
              fields_text(h, s, text));
  return FMP_OK;
}

/* -- all of it ------------------------------------------------------------- */

static fmp_status set_bytes(const fmp_host *h, const fmp_source_copy *s, struct delivery *d)
{
  char text[FMP_SPEC_TEXT];
  FMP_REQUIRE(
      h, !fmp_source_varies(&d->spec), FMP_ESHAPE,
      "field '%s' is %s: its examples differ in shape, and a batch needs one; images can be "
      "centred on a field of one size, and a field can be left out",
      d->name, h->spec_text(&s->fields[d->field].spec, text));
  FMP_REQUIRE(h, d->spec.rank < FMP_MAX_RANK, FMP_ESHAPE,
              "field '%s' is %s: a batch would have more than %d dimensions", d->name,
              h->spec_text(&d->spec, text), (int)FMP_MAX_RANK);
  d->bytes = fmp_source_bytes(&d->spec);
  return FMP_OK;
}

fmp_status deliveries_set(const fmp_host *h, const fmp_source_copy *s,
                          const struct delivery_options *o, struct deliveries *d)
{
  d->n = 0;
  FMP_TRY(add_fields(h, s, &o->deliver, d));
  FMP_TRY(set_images(h, s, o, d));
  for (uint32_t i = 0; i < d->n; i++) FMP_TRY(set_bytes(h, s, &d->each[i]));
  return FMP_OK;
}

int64_t deliveries_bytes(const struct deliveries *d)
{
  int64_t bytes = 0;
  for (uint32_t i = 0; i < d->n; i++) bytes += d->each[i].bytes;
  return bytes;
}
