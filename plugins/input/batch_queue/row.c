/* SPDX-License-Identifier: Apache-2.0 */
#include "row.h"

/* -- memory ---------------------------------------------------------------- */

/* Zeros: what a source does not write must not be old memory. Returns zero if there is none. */
static int reserve(const fmp_host *h, struct buffer *b, int64_t bytes)
{
  if (bytes <= b->room) return 1;
  h->free(b->bytes);
  *b = (struct buffer){.bytes = h->alloc((size_t)bytes)};
  if (b->bytes == NULL) return 0;
  memset(b->bytes, 0, (size_t)bytes);
  b->room = bytes;
  return 1;
}

static int reserve_image(struct row_maker *m, uint32_t k, const struct geometry *g)
{
  const int64_t padded = recipe_scratch(&m->deliveries->each[k].recipe, g);
  return reserve(m->h, &m->pixels[k], g->height * g->width * g->channels) &&
         reserve(m->h, &m->padded, padded * (int64_t)sizeof(float));
}

/* Images that differ in size get their memory as they come. */
int row_maker_open(const fmp_host *h, const fmp_source_copy *s, const struct deliveries *d,
                   struct row_maker *m)
{
  *m = (struct row_maker){.h = h, .source = s, .deliveries = d};
  for (uint32_t k = 0; k < d->n; k++) {
    const int has_size = !fmp_source_varies(&s->fields[d->each[k].field].spec);
    if (d->each[k].is_changed && has_size && !reserve_image(m, k, &d->each[k].recipe.geometry))
      return 0;
  }
  return scratch_make(h, s->about.scratch_bytes, &m->scratch);
}

void row_maker_close(struct row_maker *m)
{
  for (int k = 0; k < FMP_SOURCE_MAX_FIELDS; k++) m->h->free(m->pixels[k].bytes);
  m->h->free(m->padded.bytes);
  m->h->free(m->scratch.block);
}

/* -- rows ------------------------------------------------------------------ */

/* An image has the size that its source has just given. */
static fmp_status measure(struct row_maker *m, uint32_t k, const fmp_example *e, struct geometry *g)
{
  const struct delivery *d = &m->deliveries->each[k];
  const fmp_spec *spec = &m->specs[d->field];
  char text[FMP_SPEC_TEXT];
  if (!delivery_is_image(spec))
    return fmp_source_fail(e->why, FMP_EDATA,
                           "example %lld: expected '%s' as an image with sides from 1 to 65535, "
                           "got %s",
                           (long long)e->index, d->name, m->h->spec_text(spec, text));
  *g = recipe_geometry(&d->recipe, spec->shape);
  if (reserve_image(m, k, g)) return FMP_OK;
  return fmp_source_fail(e->why, FMP_ENOMEM, "example %lld: no memory for '%s', %s",
                         (long long)e->index, d->name, m->h->spec_text(spec, text));
}

/* Where the source writes: straight into the batch, except images that are changed. */
static fmp_status aim(struct row_maker *m, const fmp_example *e, void *const *out, void **data,
                      struct geometry *geometry)
{
  const struct deliveries *d = m->deliveries;
  for (uint32_t k = 0; k < d->n; k++) {
    if (d->each[k].is_changed) FMP_TRY(measure(m, k, e, &geometry[k]));
    data[d->each[k].field] = d->each[k].is_changed ? m->pixels[k].bytes : out[k];
  }
  return FMP_OK;
}

fmp_status row_make(struct row_maker *m, int64_t index, const struct affine_key *key,
                    void *const *out, char *why)
{
  void *data[FMP_SOURCE_MAX_FIELDS] = {NULL}; /* NULL: fields that are not delivered */
  struct geometry geometry[FMP_SOURCE_MAX_FIELDS];
  fmp_example e = {.struct_size = sizeof e,
                   .index = index,
                   .specs = m->specs,
                   .scratch = m->scratch.memory,
                   .why = why};
  FMP_TRY(fmp_source_shape(m->h, m->source, &e));
  FMP_TRY(aim(m, &e, out, data, geometry));
  e.data = data;
  FMP_TRY(fmp_source_read(m->source, &e));
  for (uint32_t k = 0; k < m->deliveries->n; k++)
    if (m->deliveries->each[k].is_changed)
      example_write(&m->deliveries->each[k].recipe, &geometry[k], m->pixels[k].bytes,
                    m->padded.bytes, key, out[k]);
  return FMP_OK;
}
