/* SPDX-License-Identifier: Apache-2.0
 * sdk_shapes: a source of examples for the queues of another plugin, with a field of every sort.
 * Two of them differ in shape from example to example, which shape() tells. */
#include <string.h>

#include "sdk.h"
#include "fmp/kit/source.h"

enum { POINT, NUMBER, MASK, WEIGHT, WORD, PICTURE, THUMB, TARGET, FIELDS };

static const fmp_field fields[FIELDS] = {
    {sizeof(fmp_field), "point", {.dtype = FMP_F32, .rank = 1, .shape = {3}}, "[i, i + 0.5, -i]"},
    {sizeof(fmp_field), "number", {.dtype = FMP_I64, .rank = 0, .shape = {0}}, "10^10 i"},
    {sizeof(fmp_field), "mask", {.dtype = FMP_U8, .rank = 2, .shape = {2, 3}}, "the bits of i"},
    {sizeof(fmp_field), "weight", {.dtype = FMP_F64, .rank = 0, .shape = {0}}, "1 / (i + 1)"},
    {sizeof(fmp_field), "word", {.dtype = FMP_U8, .rank = 1, .shape = {-1}}, "i bytes i"},
    {sizeof(fmp_field),
     "picture",
     {.dtype = FMP_U8, .rank = 3, .shape = {-1, -1, 1}},
     "i + 1 rows of 2 pixels, or 2 i"},
    {sizeof(fmp_field),
     "thumb",
     {.dtype = FMP_U8, .rank = 3, .shape = {2, 2, 3}},
     "grey of brightness i"},
    {sizeof(fmp_field), "target", {.dtype = FMP_F32, .rank = 1, .shape = {1}}, "[i / 2]"}};

struct shapes_params {
  int64_t count;
};

static fmp_status shape(const fmp_source *s, const fmp_example *e)
{
  (void)s;
  e->specs[WORD].shape[0] = e->index;
  e->specs[PICTURE].shape[0] = e->index + 1;
  e->specs[PICTURE].shape[1] = e->index > 1 ? 2 * e->index : 2;
  return FMP_OK;
}

/* Each writes its field of example i, n elements. */
static void write_point(int64_t i, int64_t n, void *data)
{
  const float values[] = {(float)i, (float)i + 0.5f, -(float)i};
  memcpy(data, values, (size_t)n * sizeof *values);
}

static void write_number(int64_t i, int64_t n, void *data)
{
  (void)n;
  *(int64_t *)data = INT64_C(10000000000) * i;
}

static void write_bits(int64_t i, int64_t n, void *data)
{
  for (int64_t k = 0; k < n; k++) ((uint8_t *)data)[k] = (uint8_t)(i >> k & 1);
}

static void write_weight(int64_t i, int64_t n, void *data)
{
  (void)n;
  *(double *)data = 1.0 / (double)(i + 1);
}

static void write_bytes(int64_t i, int64_t n, void *data) { memset(data, (int)i, (size_t)n); }

static void write_half(int64_t i, int64_t n, void *data)
{
  (void)n;
  *(float *)data = (float)i / 2;
}

static fmp_status read(const fmp_source *s, const fmp_example *e)
{
  static void (*const writers[FIELDS])(int64_t, int64_t, void *) = {
      write_point, write_number, write_bits,  write_weight,
      write_bytes, write_bytes,  write_bytes, write_half};
  (void)s;
  for (int k = 0; k < FIELDS; k++)
    if (e->data[k]) writers[k](e->index, fmp_spec_size(&e->specs[k]), e->data[k]);
  return FMP_OK;
}

static fmp_status open_shapes(const fmp_resource_args *a, void **state)
{
  const struct shapes_params *p = a->params;
  fmp_source *s = a->host->alloc(sizeof *s);
  if (!s) return a->host->fail(FMP_ENOMEM, "out of memory: a source");
  *s = (fmp_source){.struct_size = sizeof *s,
                    .field_size = sizeof(fmp_field),
                    .count = p->count,
                    .n_fields = FIELDS,
                    .fields = fields,
                    .shape = shape,
                    .read = read};
  *state = s;
  return FMP_OK;
}

static void close_shapes(const fmp_resource_args *a) { a->host->free(a->state); }

static const fmp_attr_def attrs[] = {
    FMP_ATTR(struct shapes_params, count, FMP_ATTR_I64, "4", "[1,256]", "how many examples")};

static const fmp_resource_def shapes = {.struct_size = sizeof(fmp_resource_def),
                                        .name = "sdk_shapes",
                                        .doc = "Examples with fields of every sort.",
                                        FMP_PARAMS(struct shapes_params, attrs),
                                        .open = open_shapes,
                                        .close = close_shapes,
                                        .interfaces = FMP_SOURCE};

fmp_status source_register(const fmp_host *h, fmp_registry *r)
{
  return h->add_resource(r, &shapes);
}
