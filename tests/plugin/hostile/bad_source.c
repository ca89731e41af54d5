/* SPDX-License-Identifier: Apache-2.0
 * A source that breaks any one rule of its interface, the one that attribute `how` names. */
#include <stdatomic.h>
#include <string.h>

#include "fmp/kit/source.h"

struct params {
  const char *how;
  int64_t count;
};

/* Longer than the interface has it, as one of a newer interface would be. */
struct long_field {
  fmp_field field;
  uint64_t more;
};

struct way;

struct bad {
  fmp_source source;
  uint64_t more;
  struct long_field fields[FMP_SOURCE_MAX_FIELDS + 1];
  const struct way *way;
  atomic_int calls; /* of shape() */
};

/* What is not set is done as it should be. */
struct way {
  const char *name;
  void (*say)(struct bad *b);                           /* spoils what the source says */
  fmp_status (*shape)(struct bad *b, fmp_spec *images); /* spoils a spec that is right */
  fmp_status (*read)(const fmp_example *e);             /* has nothing written */
};

/* -- what it says of itself ------------------------------------------------ */

static void struct_short(struct bad *b)
{
  b->source.struct_size = FMP_SIZE_UNTIL(fmp_source, shape);
}
static void struct_absurd(struct bad *b) { b->source.struct_size = SIZE_MAX; }
static void struct_newer(struct bad *b)
{
  b->source.struct_size = sizeof b->source + sizeof b->more;
}
static void struct_newer_set(struct bad *b)
{
  struct_newer(b);
  b->more = 1;
}
static void read_missing(struct bad *b) { b->source.read = NULL; }
static void reserved_set(struct bad *b) { b->source.reserved = 1; }
static void count_zero(struct bad *b) { b->source.count = 0; }
static void count_negative(struct bad *b) { b->source.count = -1; }
static void count_huge(struct bad *b) { b->source.count = INT64_MAX; }
static void scratch_negative(struct bad *b) { b->source.scratch_bytes = -1; }
static void scratch_huge(struct bad *b) { b->source.scratch_bytes = INT64_MAX; }
static void fields_none(struct bad *b) { b->source.n_fields = 0; }
static void fields_many(struct bad *b) { b->source.n_fields = FMP_SOURCE_MAX_FIELDS + 1; }
static void fields_null(struct bad *b) { b->source.fields = NULL; }
static void stride_short(struct bad *b) { b->source.field_size = 8; }
static void stride_absurd(struct bad *b) { b->source.field_size = SIZE_MAX; }

static void field_short(struct bad *b) { b->fields[1].field.struct_size = 8; }
static void field_beyond_stride(struct bad *b)
{
  b->fields[1].field.struct_size = sizeof b->fields[1] + 1;
}
static void field_newer(struct bad *b) { b->fields[1].field.struct_size = sizeof b->fields[1]; }
static void field_newer_set(struct bad *b)
{
  field_newer(b);
  b->fields[1].more = 1;
}
/* One that has no doc: what is in its place is not looked at. */
static void field_older(struct bad *b)
{
  b->fields[1].field.struct_size = FMP_SIZE_UNTIL(fmp_field, spec);
  b->fields[1].field.doc = (const char *)1;
}

static void name_null(struct bad *b) { b->fields[1].field.name = NULL; }
static void name_empty(struct bad *b) { b->fields[1].field.name = ""; }
static void name_digit(struct bad *b) { b->fields[1].field.name = "1st"; }
static void name_odd(struct bad *b) { b->fields[1].field.name = "a label"; }
static void name_twice(struct bad *b) { b->fields[1].field.name = "image"; }
static void name_long(struct bad *b)
{
  static char name[FMP_SOURCE_NAME + 1];
  memset(name, 'n', FMP_SOURCE_NAME);
  b->fields[1].field.name = name;
}
/* The longest that there may be. */
static void name_longest(struct bad *b)
{
  static char name[FMP_SOURCE_NAME];
  memset(name, 'n', FMP_SOURCE_NAME - 1);
  b->fields[1].field.name = name;
}

static void spec_of(struct bad *b, uint32_t dtype, uint32_t rank, int64_t m, int64_t n)
{
  b->fields[1].field.spec = (fmp_spec){.dtype = dtype, .rank = rank, .shape = {m, n, 4}};
}
static void dtype_absent(struct bad *b) { spec_of(b, FMP_NONE, 0, 0, 0); }
static void dtype_unknown(struct bad *b) { spec_of(b, 99, 0, 0, 0); }
static void rank_beyond(struct bad *b) { spec_of(b, FMP_F32, FMP_MAX_RANK + 1, 1, 1); }
static void rank_huge(struct bad *b) { spec_of(b, FMP_F32, UINT32_MAX, 1, 1); }
static void side_negative(struct bad *b) { spec_of(b, FMP_F32, 1, -2, 0); }
static void side_huge(struct bad *b) { spec_of(b, FMP_F32, 1, INT64_MAX / 2, 0); }
/* 2^31 2^31 4 elements: a product that wraps around to 0. */
static void sides_wrap(struct bad *b) { spec_of(b, FMP_U8, 3, INT64_C(1) << 31, INT64_C(1) << 31); }
static void shape_missing(struct bad *b)
{
  spec_of(b, FMP_F32, 1, -1, 0);
  b->source.shape = NULL;
}
static void rank_full(struct bad *b)
{
  b->fields[1].field.spec =
      (fmp_spec){.dtype = FMP_U8, .rank = FMP_MAX_RANK, .shape = {1, 1, 1, 1, 1, 1, 1, 1}};
}

/* -- shapes ---------------------------------------------------------------- */

/* Images that differ in size, of which the field tells, and the spoilt ways of doing so. */
static void varies(struct bad *b)
{
  b->fields[0].field.spec.shape[0] = b->fields[0].field.spec.shape[1] = -1;
}
static fmp_status fails_silently(struct bad *b, fmp_spec *image)
{
  (void)b, (void)image;
  return FMP_EIO;
}
static fmp_status ends(struct bad *b, fmp_spec *image)
{
  (void)b, (void)image;
  return FMP_END;
}
static fmp_status knows_no_status(struct bad *b, fmp_spec *image)
{
  (void)b, (void)image;
  return -1;
}
static fmp_status stays_open(struct bad *b, fmp_spec *image)
{
  (void)b;
  image->shape[0] = -1;
  return FMP_OK;
}
static fmp_status other_rank(struct bad *b, fmp_spec *image)
{
  (void)b;
  image->rank = 2;
  return FMP_OK;
}
static fmp_status huge_rank(struct bad *b, fmp_spec *image)
{
  (void)b;
  image->rank = UINT32_MAX;
  return FMP_OK;
}
static fmp_status other_dtype(struct bad *b, fmp_spec *image)
{
  (void)b;
  image->dtype = FMP_F32;
  return FMP_OK;
}
static fmp_status other_channels(struct bad *b, fmp_spec *image)
{
  (void)b;
  image->shape[2] = 4;
  return FMP_OK;
}
static fmp_status wraps(struct bad *b, fmp_spec *image)
{
  (void)b;
  image->shape[0] = image->shape[1] = INT64_C(1) << 32;
  return FMP_OK;
}
/* A possible shape, but of no image. */
static fmp_status empty(struct bad *b, fmp_spec *image)
{
  (void)b;
  image->shape[0] = 0;
  return FMP_OK;
}
/* Larger at each call: memory that was made for one answer is too small for the next. */
static fmp_status grows(struct bad *b, fmp_spec *image)
{
  image->shape[0] = 100 * (1 + atomic_fetch_add(&b->calls, 1));
  return FMP_OK;
}

/* -- reading --------------------------------------------------------------- */

static fmp_status silent(const fmp_example *e)
{
  (void)e;
  return FMP_EIO;
}
static fmp_status unknown(const fmp_example *e)
{
  (void)e;
  return 99;
}
static fmp_status ends_early(const fmp_example *e)
{
  (void)e;
  return FMP_END;
}
static fmp_status speaks(const fmp_example *e)
{
  strcpy(e->why, "said so");
  return FMP_EDATA;
}
static fmp_status unended_text(const fmp_example *e)
{
  memset(e->why, 'x', FMP_SOURCE_WHY);
  return FMP_EDATA;
}
/* A text without a failure says nothing. */
static fmp_status speaks_in_vain(const fmp_example *e)
{
  strcpy(e->why, "said so");
  return FMP_OK;
}
/* The specs are lent: what is done to them must not matter. */
static fmp_status scribbles(const fmp_example *e)
{
  memset(e->specs, 0x7F, 2 * sizeof *e->specs);
  return FMP_OK;
}
static fmp_status slow(const fmp_example *e)
{
  (void)e;
  for (volatile int n = 0; n < 200 * 1000 * 1000; n = n + 1) continue;
  return FMP_OK;
}

/* -- the source ------------------------------------------------------------ */

#define SAYS(name)          \
  {                         \
#name, name, NULL, NULL \
  }
#define SHAPES(name)          \
  {                           \
#name, varies, name, NULL \
  }
#define READS(name)         \
  {                         \
#name, NULL, NULL, name \
  }

static const struct way ways[] = {{"writes_nothing", NULL, NULL, NULL},
                                  SAYS(struct_short),
                                  SAYS(struct_absurd),
                                  SAYS(struct_newer),
                                  SAYS(struct_newer_set),
                                  SAYS(read_missing),
                                  SAYS(reserved_set),
                                  SAYS(count_zero),
                                  SAYS(count_negative),
                                  SAYS(count_huge),
                                  SAYS(scratch_negative),
                                  SAYS(scratch_huge),
                                  SAYS(fields_none),
                                  SAYS(fields_many),
                                  SAYS(fields_null),
                                  SAYS(stride_short),
                                  SAYS(stride_absurd),
                                  SAYS(field_short),
                                  SAYS(field_beyond_stride),
                                  SAYS(field_newer),
                                  SAYS(field_newer_set),
                                  SAYS(field_older),
                                  SAYS(name_null),
                                  SAYS(name_empty),
                                  SAYS(name_digit),
                                  SAYS(name_odd),
                                  SAYS(name_twice),
                                  SAYS(name_long),
                                  SAYS(name_longest),
                                  SAYS(dtype_absent),
                                  SAYS(dtype_unknown),
                                  SAYS(rank_beyond),
                                  SAYS(rank_huge),
                                  SAYS(rank_full),
                                  SAYS(side_negative),
                                  SAYS(side_huge),
                                  SAYS(sides_wrap),
                                  SAYS(shape_missing),
                                  SAYS(varies),
                                  SHAPES(fails_silently),
                                  SHAPES(ends),
                                  SHAPES(knows_no_status),
                                  SHAPES(stays_open),
                                  SHAPES(other_rank),
                                  SHAPES(huge_rank),
                                  SHAPES(other_dtype),
                                  SHAPES(other_channels),
                                  SHAPES(wraps),
                                  SHAPES(empty),
                                  SHAPES(grows),
                                  READS(silent),
                                  READS(unknown),
                                  READS(ends_early),
                                  READS(speaks),
                                  READS(unended_text),
                                  READS(speaks_in_vain),
                                  READS(scribbles),
                                  READS(slow)};

static const struct way *find(const char *name)
{
  for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++)
    if (strcmp(ways[i].name, name) == 0) return &ways[i];
  return NULL;
}

static fmp_status give_shape(const fmp_source *s, const fmp_example *e)
{
  struct bad *b = (struct bad *)(uintptr_t)s; /* its first member */
  e->specs[0].shape[0] = e->specs[0].shape[1] = 64;
  return b->way->shape ? b->way->shape(b, &e->specs[0]) : FMP_OK;
}

static fmp_status read_badly(const fmp_source *s, const fmp_example *e)
{
  const struct way *way = ((const struct bad *)(const void *)s)->way;
  return way->read ? way->read(e) : FMP_OK;
}

static fmp_status open_bad(const fmp_resource_args *a, void **state)
{
  const struct params *p = a->params;
  const struct way *way = find(p->how);
  FMP_REQUIRE(a->host, way != NULL, FMP_EINVAL, "no way '%s' to be bad", p->how);
  struct bad *b = a->host->alloc(sizeof *b);
  FMP_REQUIRE(a->host, b != NULL, FMP_ENOMEM, "no memory");
  *b = (struct bad){.way = way};
  b->source = (fmp_source){.struct_size = sizeof b->source,
                           .field_size = sizeof b->fields[0],
                           .count = p->count,
                           .n_fields = 2,
                           .fields = &b->fields[0].field,
                           .shape = give_shape,
                           .read = read_badly};
  for (int i = 0; i <= FMP_SOURCE_MAX_FIELDS; i++)
    b->fields[i].field = (fmp_field){.struct_size = sizeof(fmp_field), .name = "more"};
  b->fields[0].field.name = "image";
  b->fields[0].field.spec = (fmp_spec){.dtype = FMP_U8, .rank = 3, .shape = {64, 64, 1}};
  b->fields[1].field.name = "label";
  b->fields[1].field.spec = (fmp_spec){.dtype = FMP_I32};
  if (way->say) way->say(b);
  *state = b;
  return FMP_OK;
}

static void close_bad(const fmp_resource_args *a) { a->host->free(a->state); }

static fmp_status load(const fmp_host *h, fmp_registry *r)
{
  static const fmp_attr_def attrs[] = {
      FMP_ATTR(struct params, how, FMP_ATTR_STRING, NULL, NULL, "it is bad"),
      FMP_ATTR(struct params, count, FMP_ATTR_I64, "4", NULL, "examples")};
  static const fmp_resource_def def = {.struct_size = sizeof def,
                                       .name = "bad_source",
                                       .doc = "Breaks a rule.",
                                       FMP_PARAMS(struct params, attrs),
                                       .open = open_bad,
                                       .close = close_bad,
                                       .interfaces = FMP_SOURCE};
  return h->add_resource(r, &def);
}

FMP_PLUGIN("bad_source", "1", "A source that breaks a rule.", load);
