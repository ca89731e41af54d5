/* SPDX-License-Identifier: Apache-2.0
 *
 * Params blocks. There are two ways in: from attributes of a caller, and from texts of a file. Both
 * collect one value for each row of the table, from what was given or from the row's default, and
 * hand them to build_block(), the only function that makes a block:
 *
 *   [ struct, params_size bytes | row 0's string or items | their strings | row 1's ... ]
 *     every part at a multiple of 16, in the order of the rows; pointers lead from left to right */
#include "define/params.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/status.h"
#include "fmp/api.h"

static uint32_t element_kind(uint32_t kind) { return kind & ~(uint32_t)FMP_ATTR_LIST; }

/* -- fields of a params struct --------------------------------------------- */

static void *field_of(const fmp_attr_def *def, const void *params)
{
  return (char *)params + def->offset;
}

/* The whole union is cleared first, so that comparing and hashing value->i takes in every bit of
 * any kind that is not a list, string or resource. */
static void get_field(const fmp_attr_def *def, const void *params, fmp_attr_value *value)
{
  const void *field = field_of(def, params);
  memset(value, 0, sizeof *value);
  if (fmp__attr_is_list(def->kind)) {
    value->list = *(const fmp_list *)field;
    return;
  }
  switch (def->kind) {
  case FMP_ATTR_BOOL: value->i = *(const int32_t *)field; break;
  case FMP_ATTR_I64: value->i = *(const int64_t *)field; break;
  case FMP_ATTR_F64: value->f = *(const double *)field; break;
  case FMP_ATTR_STRING: value->s = *(const char *const *)field; break;
  case FMP_ATTR_DTYPE: value->i = *(const uint32_t *)field; break;
  default: value->resource = *(fmp_resource *const *)field; break;
  }
}

static void set_field(const fmp_attr_def *def, void *params, const fmp_attr_value *value)
{
  void *field = field_of(def, params);
  if (fmp__attr_is_list(def->kind)) {
    *(fmp_list *)field = value->list;
    return;
  }
  switch (def->kind) {
  case FMP_ATTR_BOOL: *(int32_t *)field = value->i != 0; break;
  case FMP_ATTR_I64: *(int64_t *)field = value->i; break;
  case FMP_ATTR_F64: *(double *)field = value->f; break;
  case FMP_ATTR_STRING: *(const char **)field = value->s; break;
  case FMP_ATTR_DTYPE: *(uint32_t *)field = (uint32_t)value->i; break;
  default: *(fmp_resource **)field = value->resource; break;
  }
}

/* -- making a block from values -------------------------------------------- */

/* All that is placed in a block begins at a multiple of 16, as malloc's own blocks do. */
static size_t aligned(size_t bytes) { return (bytes + 15) & ~(size_t)15; }

static size_t string_bytes(const char *s) { return aligned(strlen(s ? s : "") + 1); }

/* Bytes that a value needs beyond its field. */
static size_t extra_bytes(uint32_t kind, const fmp_attr_value *value)
{
  if (kind == FMP_ATTR_STRING) return string_bytes(value->s);
  if (!fmp__attr_is_list(kind)) return 0;
  size_t bytes = aligned((size_t)value->list.count * fmp__attr_element_size(kind));
  if (kind != FMP_ATTR_STRINGS) return bytes;
  const char *const *strings = value->list.items;
  for (int64_t i = 0; i < value->list.count; i++) bytes += string_bytes(strings[i]);
  return bytes;
}

/* Writes s at `room` and its address into *slot; returns where the next thing goes. NULL becomes
 * "". */
static char *place_string(const char **slot, const char *s, char *room)
{
  const size_t bytes = strlen(s ? s : "") + 1;
  memcpy(room, s ? s : "", bytes);
  *slot = room;
  return room + aligned(bytes);
}

/* The same for a list: its items, then the strings that they point to. Even an empty list gets an
 * address inside the block. */
static char *place_list(fmp_list *list, uint32_t kind, char *room)
{
  const size_t bytes = (size_t)list->count * fmp__attr_element_size(kind);
  if (bytes) memcpy(room, list->items, bytes);
  list->items = room;
  char *next = room + aligned(bytes);
  if (kind == FMP_ATTR_STRINGS)
    for (int64_t i = 0; i < list->count; i++)
      next = place_string((const char **)(void *)room + i, ((const char **)(void *)room)[i], next);
  return next;
}

/* The block of every op without a params struct: nobody writes or frees it. */
static const max_align_t nothing;

/* Two passes: sizes, then contents, so that a block is one allocation and copying, freeing and
 * counting are cheap. values[i] belongs to row i and has been checked; the block points to none of
 * it afterwards. */
static fmp_status build_block(const fmp__attr_table *table, const fmp_attr_value *values,
                              void **params)
{
  size_t bytes = aligned(table->params_size);
  if (!bytes) {
    *params = (void *)&nothing; /* nobody writes it */
    return FMP_OK;
  }
  for (uint32_t i = 0; i < table->n; i++) bytes += extra_bytes(table->defs[i].kind, &values[i]);
  char *block = fmp__alloc_zeroed(1, bytes);
  if (!block) return fmp__no_memory("an op's attributes");
  char *room = block + aligned(table->params_size);
  for (uint32_t i = 0; i < table->n; i++) {
    const uint32_t kind = table->defs[i].kind;
    fmp_attr_value value = values[i];
    if (kind == FMP_ATTR_STRING) room = place_string(&value.s, values[i].s, room);
    if (fmp__attr_is_list(kind)) room = place_list(&value.list, kind, room);
    if (kind == FMP_ATTR_RESOURCE) fmp_resource_retain(value.resource);
    set_field(&table->defs[i], block, &value);
  }
  *params = block;
  return FMP_OK;
}

/* -- from what a caller gives ---------------------------------------------- */

/* Values on their way into a block, by row, with the memory of those that had to be parsed or
 * widened. One allocation holds all four arrays. */
typedef struct collection {
  fmp_attr_value *values;
  fmp_attr_value *singles; /* the element of a single value that was given for a list */
  fmp__parsed *parsed;
  unsigned char *given;
} collection;

static void free_collection(const fmp__attr_table *table, collection *c)
{
  if (c->parsed)
    for (uint32_t i = 0; i < table->n; i++) fmp__parsed_free(&c->parsed[i]);
  fmp__free(c->values);
}

static fmp_status start_collection(const fmp__attr_table *table, collection *c)
{
  const uint32_t n = table->n;
  if (n == 0) return FMP_OK;
  c->values = fmp__alloc_zeroed(n, 2 * sizeof *c->values + sizeof *c->parsed + 1);
  if (!c->values) return fmp__no_memory("an op's attributes");
  c->singles = c->values + n;
  c->parsed = (fmp__parsed *)(void *)(c->singles + n);
  c->given = (unsigned char *)(c->parsed + n);
  return FMP_OK;
}

/* Failures list all names, since attributes are typed by people, and suggest the nearest. */
static fmp_status find_row(const fmp__attr_table *table, const char *name, uint32_t *row)
{
  fmp__nearest nearest = {.name = name};
  for (uint32_t i = 0; i < table->n; i++) {
    if (strcmp(table->defs[i].name, name) == 0) {
      *row = i;
      return FMP_OK;
    }
    fmp__nearest_offer(&nearest, table->defs[i].name);
  }
  fmp__text known = {0};
  char hint[96];
  for (uint32_t i = 0; i < table->n; i++)
    fmp__text_add(&known, "%s%s", i ? ", " : "", table->defs[i].name);
  (void)fmp__fail(FMP_ENOTFOUND, "no attribute '%s' (%s%s)%s", name,
                  table->n ? "there are " : "there are none", known.bytes ? known.bytes : "",
                  fmp__nearest_hint(&nearest, hint, sizeof hint));
  fmp__text_free(&known);
  return FMP_ENOTFOUND;
}

/* The number because of which Lua passed f64 where i64 was wanted (a fraction, or too large); NULL
 * if there is none. Only for the message. */
static const double *stray_number(const fmp_attr *attr)
{
  if (attr->kind == FMP_ATTR_F64) return &attr->value.f;
  if (attr->kind != FMP_ATTR_F64S || !attr->value.list.items) return NULL;
  const double *items = attr->value.list.items;
  for (int64_t i = 0; i < attr->value.list.count; i++)
    if (!(fabs(items[i]) < 0x1p63) || items[i] != trunc(items[i])) return &items[i];
  return NULL;
}

/* An i64 is taken for an f64, since Lua passes whole numbers as i64. Booleans are not numbers, in
 * either direction. */
static fmp_status convert_element(const fmp_attr_def *def, const fmp_attr *attr,
                                  fmp_attr_value *value)
{
  const uint32_t wanted = element_kind(def->kind);
  *value = attr->value;
  if (attr->kind == wanted) return FMP_OK;
  if (attr->kind == FMP_ATTR_I64 && wanted == FMP_ATTR_F64) {
    value->f = (double)attr->value.i;
    return FMP_OK;
  }
  const char *got = fmp__attr_kind_name(attr->kind);
  const double *number = stray_number(attr);
  char text[FMP__DOUBLE_TEXT];
  return fmp__fail(FMP_EINVAL, "attribute '%s': expected %s, got %s%s%s", def->name,
                   fmp__attr_kind_name(def->kind), got ? got : "an unknown kind",
                   number ? ": " : "", number ? fmp__double_text(*number, text) : "");
}

/* A list of i64 where f64 is wanted: widened into memory of the collection. */
static fmp_status widen_list(const fmp_list *from, fmp__parsed *parsed, fmp_attr_value *value)
{
  double *items = fmp__alloc_zeroed((size_t)from->count + 1, sizeof *items);
  if (!items) return fmp__no_memory("a list attribute");
  for (int64_t i = 0; i < from->count; i++) items[i] = (double)((const int64_t *)from->items)[i];
  parsed->items = items;
  value->list = (fmp_list){items, from->count};
  return FMP_OK;
}

/* One value where a list is wanted becomes a list of one, whose element lies in the collection.
 * Lists hold bools and dtypes in 4 bytes and not as fmp_attr_value does, so those are written
 * anew. */
static fmp_status wrap_single(const fmp_attr_def *def, const fmp_attr *attr, fmp_attr_value *single,
                              fmp_attr_value *value)
{
  FMP_TRY(convert_element(def, attr, single));
  switch (element_kind(def->kind)) { /* the list's element type in place of the wide value */
  case FMP_ATTR_BOOL: {
    const int32_t b = single->i != 0;
    memcpy(single, &b, sizeof b);
    break;
  }
  case FMP_ATTR_DTYPE: {
    const int is_one = single->i >= 0 && single->i < FMP_DTYPE_COUNT;
    const uint32_t d = is_one ? (uint32_t)single->i : FMP_DTYPE_COUNT; /* refused later */
    memcpy(single, &d, sizeof d);
    break;
  }
  default: break;
  }
  value->list = (fmp_list){single, 1};
  return FMP_OK;
}

static int is_dtypes(uint32_t kind, const fmp_attr_value *value)
{
  if (kind == FMP_ATTR_DTYPE)
    return value->i >= 0 && value->i < FMP_DTYPE_COUNT && fmp_dtype_name((uint32_t)value->i);
  if (kind != FMP_ATTR_DTYPES) return 1;
  for (int64_t i = 0; i < value->list.count; i++)
    if (!fmp_dtype_name(((const uint32_t *)value->list.items)[i])) return 0;
  return 1;
}

/* The last check of a value that came from outside, after which build_block() trusts it. 2^20
 * elements is more than any attribute has use for. */
static fmp_status check_given(const fmp_attr_def *def, const fmp_attr_value *value)
{
  if (fmp__attr_is_list(def->kind) && (value->list.count < 0 || value->list.count > 1 << 20 ||
                                       (value->list.count > 0 && !value->list.items)))
    return fmp__fail(FMP_EINVAL, "attribute '%s': not a list", def->name);
  if (!is_dtypes(def->kind, value))
    return fmp__fail(FMP_EINVAL, "attribute '%s': expected a data type", def->name);
  if (def->kind == FMP_ATTR_RESOURCE && !value->resource)
    return fmp__fail(FMP_EINVAL, "attribute '%s': expected a resource", def->name);
  return fmp__attr_check_allowed(def->name, def->kind, def->allowed, value);
}

/* Four cases: i64s for f64s (widened), one value for a list (wrapped), a list of the same kind (as
 * it is), and a single value (perhaps i64 for f64). All else is refused by convert_element(). */
static fmp_status take_attr(const fmp__attr_table *table, const fmp_attr *attr, collection *c)
{
  uint32_t row;
  FMP_TRY(find_row(table, attr->name ? attr->name : "", &row));
  const fmp_attr_def *def = &table->defs[row];
  /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): a row was found, so n is not 0 */
  if (c->given[row]) return fmp__fail(FMP_EINVAL, "attribute '%s' is given twice", def->name);
  c->given[row] = 1;
  if (attr->kind == FMP_ATTR_I64S && def->kind == FMP_ATTR_F64S)
    FMP_TRY(widen_list(&attr->value.list, &c->parsed[row], &c->values[row]));
  else if (fmp__attr_is_list(def->kind) && !fmp__attr_is_list(attr->kind))
    FMP_TRY(wrap_single(def, attr, &c->singles[row], &c->values[row]));
  else if (fmp__attr_is_list(def->kind) && attr->kind == def->kind)
    c->values[row] = attr->value;
  else
    FMP_TRY(convert_element(def, attr, &c->values[row]));
  return check_given(def, &c->values[row]);
}

/* Texts have the kind of their row, so there is nothing to convert. */
static fmp_status take_text(const fmp__attr_table *table, const char *name, const char *text,
                            collection *c)
{
  uint32_t row;
  FMP_TRY(find_row(table, name, &row));
  /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): a row was found, so n is not 0 */
  if (c->given[row]) return fmp__fail(FMP_EINVAL, "attribute '%s' is given twice", name);
  FMP_TRY(fmp__attr_parse(table->defs[row].kind, text, &c->parsed[row]));
  c->given[row] = 1;
  c->values[row] = c->parsed[row].value;
  return check_given(&table->defs[row], &c->values[row]);
}

/* Defaults for what was not given, then the block. Defaults were checked when the op was
 * defined. */
static fmp_status finish_collection(const fmp__attr_table *table, collection *c, void **params)
{
  for (uint32_t i = 0; i < table->n; i++) {
    const fmp_attr_def *def = &table->defs[i];
    if (c->given[i]) continue;
    if (!def->default_text)
      return fmp__fail(FMP_EINVAL, "attribute '%s' (%s) must be given: %s", def->name,
                       fmp__attr_kind_name(def->kind), def->doc);
    c->values[i] = table->defaults[i].value;
  }
  return build_block(table, c->values, params);
}

fmp_status fmp__params_new(const fmp__attr_table *table, const fmp_attr *attrs, uint32_t n,
                           void **params)
{
  collection c = {0};
  FMP_TRY(fmp__require_array(attrs, n, "attributes"));
  fmp_status status = start_collection(table, &c);
  for (uint32_t i = 0; i < n && status == FMP_OK; i++) status = take_attr(table, &attrs[i], &c);
  if (status == FMP_OK) status = finish_collection(table, &c, params);
  free_collection(table, &c);
  return status;
}

fmp_status fmp__params_from_text(const fmp__attr_table *table, const char *const *names,
                                 const char *const *texts, uint32_t n, void **params)
{
  collection c = {0};
  fmp_status status = start_collection(table, &c);
  for (uint32_t i = 0; i < n && status == FMP_OK; i++)
    status = take_text(table, names[i], texts[i], &c);
  if (status == FMP_OK) status = finish_collection(table, &c, params);
  free_collection(table, &c);
  return status;
}

fmp_status fmp__params_copy(const fmp__attr_table *table, const void *params, void **copy)
{
  if (table->n == 0) return build_block(table, NULL, copy);
  fmp_attr_value *values = fmp__alloc_zeroed(table->n, sizeof *values);
  if (!values) return fmp__no_memory("an op's attributes");
  for (uint32_t i = 0; i < table->n; i++) get_field(&table->defs[i], params, &values[i]);
  const fmp_status status = build_block(table, values, copy);
  fmp__free(values);
  return status;
}

/* Resources are all that a block holds beyond its own memory. */
void fmp__params_free(const fmp__attr_table *table, void *params)
{
  if (!params || params == &nothing) return;
  for (uint32_t i = 0; i < table->n; i++)
    if (table->defs[i].kind == FMP_ATTR_RESOURCE)
      fmp_resource_release(*(fmp_resource **)field_of(&table->defs[i], params));
  fmp__free(params);
}

/* -- comparing and printing ------------------------------------------------ */

int fmp__params_get(const fmp__attr_table *table, const void *params, const char *name,
                    fmp_attr *attr)
{
  for (uint32_t i = 0; i < table->n; i++) {
    const fmp_attr_def *def = &table->defs[i];
    if (strcmp(def->name, name) != 0) continue;
    *attr = (fmp_attr){.name = def->name, .kind = def->kind};
    get_field(def, params, &attr->value);
    return 1;
  }
  return 0;
}

static int strings_equal(const fmp_list *a, const fmp_list *b)
{
  const char *const *x = a->items, *const *y = b->items;
  for (int64_t i = 0; i < a->count; i++)
    if (strcmp(x[i], y[i]) != 0) return 0;
  return 1;
}

/* f64s by bits, as single ones are. */
static int lists_equal(uint32_t kind, const fmp_list *a, const fmp_list *b)
{
  if (a->count != b->count) return 0;
  if (a->count == 0) return 1;
  if (kind == FMP_ATTR_STRINGS) return strings_equal(a, b);
  return memcmp(a->items, b->items, (size_t)a->count * fmp__attr_element_size(kind)) == 0;
}

int fmp__params_equal(const fmp__attr_table *table, const void *a, const void *b)
{
  for (uint32_t i = 0; i < table->n; i++) {
    const uint32_t kind = table->defs[i].kind;
    fmp_attr_value x, y;
    get_field(&table->defs[i], a, &x);
    get_field(&table->defs[i], b, &y);
    const int equal = fmp__attr_is_list(kind)     ? lists_equal(kind, &x.list, &y.list)
                      : kind == FMP_ATTR_STRING   ? strcmp(x.s, y.s) == 0
                      : kind == FMP_ATTR_RESOURCE ? x.resource == y.resource
                                                  : x.i == y.i; /* f64: by bits */
    if (!equal) return 0;
  }
  return 1;
}

/* The count goes first, so that neighbouring lists cannot pass elements to each other. */
static uint64_t hash_list(uint64_t hash, uint32_t kind, const fmp_list *list)
{
  hash = fmp__hash_number(hash, (uint64_t)list->count);
  if (list->count == 0) return hash;
  if (kind != FMP_ATTR_STRINGS)
    return fmp__hash_bytes(hash, list->items, (size_t)list->count * fmp__attr_element_size(kind));
  const char *const *strings = list->items;
  for (int64_t i = 0; i < list->count; i++)
    hash = fmp__hash_bytes(hash, strings[i], strlen(strings[i]));
  return hash;
}

uint64_t fmp__params_hash(const fmp__attr_table *table, const void *params, uint64_t hash)
{
  for (uint32_t i = 0; i < table->n; i++) {
    const uint32_t kind = table->defs[i].kind;
    fmp_attr_value value;
    get_field(&table->defs[i], params, &value);
    if (fmp__attr_is_list(kind))
      hash = hash_list(hash, kind, &value.list);
    else if (kind == FMP_ATTR_STRING)
      hash = fmp__hash_bytes(hash, value.s, strlen(value.s));
    else
      hash = fmp__hash_number(hash, (uint64_t)value.i);
  }
  return hash;
}

int fmp__params_hold_resource(const fmp__attr_table *table)
{
  for (uint32_t i = 0; i < table->n; i++)
    if (table->defs[i].kind == FMP_ATTR_RESOURCE) return 1;
  return 0;
}

void fmp__params_value_text(const fmp__attr_table *table, const void *params, uint32_t i,
                            fmp__text *text)
{
  fmp_attr_value value;
  get_field(&table->defs[i], params, &value);
  fmp__attr_print(table->defs[i].kind, &value, text);
}

/* Defaults are compared as text: a plugin may write one as "0.50", and then it is shown, which does
 * no harm. */
void fmp__params_text(const fmp__attr_table *table, const void *params, fmp__text *text)
{
  const char *before = "{";
  for (uint32_t i = 0; i < table->n; i++) {
    fmp__text value = {0};
    fmp__params_value_text(table, params, i, &value);
    const char *text_of_default = table->defs[i].default_text;
    if (!text_of_default || !value.bytes || strcmp(value.bytes, text_of_default) != 0) {
      fmp__text_add(text, "%s%s = %s", before, table->defs[i].name,
                    value.bytes ? value.bytes : "?");
      before = ", ";
    }
    fmp__text_free(&value);
  }
  if (before[0] == ',') fmp__text_add(text, "}");
}
