/* SPDX-License-Identifier: Apache-2.0
 *
 * The interface "fmp.source/2": where examples come from, apart from whoever asks for them.
 *
 * An example is a list of named fields, each with a type and a shape of its own: an image and
 * its label; a row of numbers and what is to be predicted; a picture of any size, its boxes and
 * a mask. A source numbers its examples and reads any of them on any thread; it knows nothing of
 * order, batches or epochs. A resource whose state begins with an fmp_source, and whose
 * `interfaces` names FMP_SOURCE, can feed every queue.
 *
 *   struct table { fmp_source source; ... };           the state: the source comes first
 *   static fmp_status read_row(const fmp_source *s, const fmp_example *e)
 *   {
 *     const struct table *t = (const void *)s;
 *     if (e->data[0]) memcpy(e->data[0], t->rows + e->index * t->width, ...);
 *     return FMP_OK;
 *   }
 *
 * The first part describes the interface, and what a source promises. The second is for those
 * who ask: a source may come from any plugin, so whatever it says is checked, and alike by all.
 */
#ifndef FMP_KIT_SOURCE_H
#define FMP_KIT_SOURCE_H

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "fmp/kit/check.h"
#include "fmp/kit/loops.h"
#include "fmp/plugin.h"

#define FMP_SOURCE "fmp.source/2"

enum {
  FMP_SOURCE_MAX_FIELDS = 8,
  FMP_SOURCE_NAME = 64,   /* bytes of a field's name at most, its end included */
  FMP_SOURCE_WHY = 768,   /* bytes of a failure's text, its end included */
  FMP_SOURCE_MOST = 65536 /* bytes of an fmp_source or an fmp_field, of whatever age */
};

/* -- the interface --------------------------------------------------------- */

typedef struct fmp_source fmp_source;

/* struct_size, here and below: the end of the last member that its author sets. A reader takes
 * the members that are missing as zero, and refuses a struct that goes beyond those that the
 * reader knows, unless all of that is zero. */

/* What each example has under one name. */
typedef struct fmp_field {
  size_t struct_size;
  const char *name; /* an identifier that no other field has: "image", "label" */
  /* Of one example, so without a dimension for the batch. A dimension of -1 differs from example
   * to example, and may be 0 in some. */
  fmp_spec spec;
  const char *doc; /* what it means, in a line; or NULL */
} fmp_field;

/* One example that is asked for. It is the caller's, and so is all that it points to: borrowed
 * for the length of the call. Its arrays have an element for each field. The caller answers for
 * all of it: index and memory need no check. */
typedef struct fmp_example {
  size_t struct_size;
  int64_t index; /* 0 .. count-1 */
  /* The specs of this example. shape() finds the fields' own there and replaces each -1; read()
   * finds what shape() has made of them. */
  fmp_spec *specs;
  /* Where read() writes the elements, row by row, each field aligned for its type. NULL: this
   * field is not wanted. The array itself is NULL in shape(). */
  void *const *data;
  void *scratch; /* scratch_bytes of memory, 64-byte aligned, for this call alone */
  /* text[FMP_SOURCE_WHY]: on failure, in a line, what was expected, what came, in which file. Not
   * host->fail: the host keeps texts for each thread, and whoever waits for a worker's example
   * is on another one. See fmp_source_fail(). */
  char *why;
} fmp_example;

/* None of it changes while the resource is open: callers may keep copies. */
struct fmp_source {
  size_t struct_size;
  size_t field_size; /* bytes from one field to the next: sizeof(fmp_field) */
  int64_t count;     /* examples, from 1 */
  uint32_t n_fields; /* 1 .. FMP_SOURCE_MAX_FIELDS */
  uint32_t reserved; /* zero */
  const fmp_field *fields;
  int64_t scratch_bytes; /* that each call is lent; 0: none */

  /* Both functions: [any-thread], on several threads at once, for the same example too. The same
   * index gives the same example each time. The returned status counts, whatever `why` says:
   * FMP_OK, or a failure with its text. FMP_END is not one of them, since `count` has said how
   * many examples there are. */

  /* Sets the specs of example e->index, for which it may have to look into a file. Type, rank and
   * all fixed dimensions stay the field's. NULL: no field has a dimension of -1. */
  fmp_status (*shape)(const fmp_source *s, const fmp_example *e);
  /* Writes every element of each field that is wanted, unless it fails. */
  fmp_status (*read)(const fmp_source *s, const fmp_example *e);
};

/* Sets e->why, or the text of that size in an open() that shares code with read(); returns code.
 *   return fmp_source_fail(e->why, FMP_EDATA, "%s: line %d: expected a number", name, line); */
static inline fmp_status fmp_source_fail(char *why, fmp_status code, const char *format, ...)
    FMP_PRINTF(3, 4);

static inline fmp_status fmp_source_fail(char *why, fmp_status code, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  vsnprintf(why, FMP_SOURCE_WHY, format, args);
  va_end(args);
  return code;
}

/* -- for whoever asks: what a source says of itself ------------------------ */

/* A source that was checked, with copies of what it says: its fields stand side by side, and
 * what an older one lacks is zero. */
typedef struct fmp_source_copy {
  const fmp_source *source;                /* as it was given: what its functions are called with */
  fmp_source about;                        /* .fields is NULL: see below */
  fmp_field fields[FMP_SOURCE_MAX_FIELDS]; /* names and docs are the source's */
} fmp_source_copy;

/* Copies a struct of any age, of `least` to `most` bytes. Zero: it has another size, or what we do
 * not know of. */
static inline int fmp_source_take(const void *made, size_t least, size_t most, size_t known,
                                  void *copy)
{
  size_t size;
  memcpy(&size, made, sizeof size);
  if (size < least || size > most) return 0;
  for (size_t i = known; i < size; i++)
    if (((const unsigned char *)made)[i] != 0) return 0;
  memset(copy, 0, known);
  memcpy(copy, made, size < known ? size : known);
  return 1;
}

static inline int fmp_source_is_name(const char *name)
{
  static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
  size_t n = 0;
  if (name == NULL || *name == '\0' || (*name >= '0' && *name <= '9')) return 0;
  while (n < FMP_SOURCE_NAME && name[n] != '\0' && strchr(letters, name[n]) != NULL) n++;
  return n < FMP_SOURCE_NAME && name[n] == '\0';
}

/* Does a dimension differ from example to example? */
static inline int fmp_source_varies(const fmp_spec *s)
{
  for (uint32_t i = 0; i < s->rank; i++)
    if (s->shape[i] < 0) return 1;
  return 0;
}

static inline int64_t fmp_source_bytes(const fmp_spec *s)
{
  return fmp_spec_size(s) * fmp_element_bytes(s->dtype);
}

/* Dimensions from `least`, and the bytes of all fields of an example can be added up. */
static inline int fmp_source_is_spec(const fmp_spec *s, int64_t least)
{
  int64_t bytes = fmp_element_bytes(s->dtype);
  const int64_t most = INT64_MAX / FMP_SOURCE_MAX_FIELDS / 4;
  if (bytes == 0 || s->rank > FMP_MAX_RANK) return 0;
  for (uint32_t i = 0; i < s->rank; i++) {
    if (s->shape[i] < least || (s->shape[i] > 0 && bytes > most / s->shape[i])) return 0;
    if (s->shape[i] > 0) bytes *= s->shape[i];
  }
  return 1;
}

/* Takes field i, and checks it against those before it. */
static inline fmp_status fmp_source_check_field(const fmp_host *h, const void *made, uint32_t i,
                                                fmp_source_copy *c)
{
  fmp_field *f = &c->fields[i];
  char text[FMP_SPEC_TEXT];
  FMP_REQUIRE(
      h, fmp_source_take(made, FMP_SIZE_UNTIL(fmp_field, spec), c->about.field_size, sizeof *f, f),
      FMP_EPLUGIN, "field %u of a source: its size is wrong, or it is of a newer interface", i + 1);
  FMP_REQUIRE(h, fmp_source_is_name(f->name), FMP_EPLUGIN,
              "field %u of a source: expected an identifier as its name", i + 1);
  for (uint32_t k = 0; k < i; k++)
    FMP_REQUIRE(h, strcmp(c->fields[k].name, f->name) != 0, FMP_EPLUGIN,
                "field %u of a source: expected another name than field %u has, got '%s'", i + 1,
                k + 1, f->name);
  FMP_REQUIRE(h, fmp_source_is_spec(&f->spec, -1), FMP_EPLUGIN,
              "field '%s' of a source: %s is not a possible type and shape", f->name,
              h->spec_text(&f->spec, text));
  for (uint32_t d = f->spec.rank; d < FMP_MAX_RANK; d++) f->spec.shape[d] = 0;
  FMP_REQUIRE(h, c->about.shape || !fmp_source_varies(&f->spec), FMP_EPLUGIN,
              "field '%s' of a source: %s differs from example to example, but the source has no "
              "shape()",
              f->name, h->spec_text(&f->spec, text));
  return FMP_OK;
}

static inline fmp_status fmp_source_check_numbers(const fmp_host *h, const fmp_source *about)
{
  FMP_REQUIRE(h, about->reserved == 0, FMP_EPLUGIN, "a source: expected 0 in a reserved field");
  FMP_REQUIRE(h, about->read != NULL, FMP_EPLUGIN, "a source: expected a function read");
  FMP_REQUIRE(h, about->count >= 1, FMP_EPLUGIN,
              "a source: expected at least one example, got %lld", (long long)about->count);
  FMP_REQUIRE(h, about->scratch_bytes >= 0, FMP_EPLUGIN,
              "a source: expected scratch_bytes of 0 or more, got %lld",
              (long long)about->scratch_bytes);
  FMP_REQUIRE(h, about->n_fields >= 1 && about->n_fields <= FMP_SOURCE_MAX_FIELDS && about->fields,
              FMP_EPLUGIN, "a source: expected 1 to %d fields, got %u", (int)FMP_SOURCE_MAX_FIELDS,
              about->fields ? about->n_fields : 0);
  FMP_REQUIRE(h,
              about->field_size >= FMP_SIZE_UNTIL(fmp_field, spec) &&
                  about->field_size <= FMP_SOURCE_MOST,
              FMP_EPLUGIN, "a source: expected a field_size of at least %zu, got %zu",
              FMP_SIZE_UNTIL(fmp_field, spec), about->field_size);
  return FMP_OK;
}

/* Checks all that a source says of itself, before anything is computed from it, and copies it.
 * `source` is what h->resource_state(resource, FMP_SOURCE) has found. */
static inline fmp_status fmp_source_check(const fmp_host *h, const fmp_source *source,
                                          fmp_source_copy *c)
{
  fmp_source *about = &c->about;
  FMP_REQUIRE(h,
              fmp_source_take(source, FMP_SIZE_UNTIL(fmp_source, read), FMP_SOURCE_MOST,
                              sizeof *about, about),
              FMP_EPLUGIN, "a source: its size is wrong, or it is of a newer interface");
  FMP_TRY(fmp_source_check_numbers(h, about));
  c->source = source;
  for (uint32_t i = 0; i < about->n_fields; i++)
    FMP_TRY(fmp_source_check_field(h, (const char *)about->fields + i * about->field_size, i, c));
  about->fields = NULL;
  return FMP_OK;
}

/* -- for whoever asks: examples -------------------------------------------- */

/* What a function of a source has returned, as FMP_OK or a failure with a text in e->why. */
static inline fmp_status fmp_source_settle(fmp_status status, const fmp_example *e)
{
  e->why[FMP_SOURCE_WHY - 1] = '\0';
  if (status == FMP_OK) return FMP_OK;
  if (status < 0 || status >= FMP_STATUS_COUNT || status == FMP_END)
    return fmp_source_fail(e->why, FMP_EPLUGIN,
                           "example %lld: its reader returned status %d, not a failure",
                           (long long)e->index, (int)status);
  if (e->why[0] == '\0')
    return fmp_source_fail(e->why, status, "example %lld: its reader failed and did not say why",
                           (long long)e->index);
  return status;
}

/* Is `got` what an example of this field may be? */
static inline int fmp_source_fits(const fmp_field *f, const fmp_spec *got)
{
  if (got->dtype != f->spec.dtype || got->rank != f->spec.rank) return 0;
  for (uint32_t i = 0; i < got->rank; i++)
    if (f->spec.shape[i] >= 0 && got->shape[i] != f->spec.shape[i]) return 0;
  return fmp_source_is_spec(got, 0);
}

/* Fills e->specs, which read() wants, of any source: all but `specs` and `data` are set in *e. */
static inline fmp_status fmp_source_shape(const fmp_host *h, const fmp_source_copy *c,
                                          const fmp_example *e)
{
  char wanted[FMP_SPEC_TEXT], got[FMP_SPEC_TEXT];
  for (uint32_t i = 0; i < c->about.n_fields; i++) e->specs[i] = c->fields[i].spec;
  if (c->about.shape == NULL) return FMP_OK;
  e->why[0] = '\0';
  FMP_TRY(fmp_source_settle(c->about.shape(c->source, e), e));
  for (uint32_t i = 0; i < c->about.n_fields; i++)
    if (!fmp_source_fits(&c->fields[i], &e->specs[i]))
      return fmp_source_fail(
          e->why, FMP_EPLUGIN, "example %lld: its reader gives field '%s' as %s, expected %s",
          (long long)e->index, c->fields[i].name, h->spec_text(&e->specs[i], got),
          h->spec_text(&c->fields[i].spec, wanted));
  return FMP_OK;
}

/* Reads what is wanted of an example whose specs are set. */
static inline fmp_status fmp_source_read(const fmp_source_copy *c, const fmp_example *e)
{
  e->why[0] = '\0';
  return fmp_source_settle(c->about.read(c->source, e), e);
}

#endif
