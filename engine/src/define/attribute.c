/* SPDX-License-Identifier: Apache-2.0
 *
 * Taking over tables of attributes: hostile until checked, like everything that plugins define. A
 * field's size is checked because FMP_ATTR records it: a float under a kind that is a double would
 * otherwise be read as another number, silently. */
#include "define/attribute.h"

#include <stddef.h>
#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "define/sized.h"
#include "fmp/api.h"

/* By kind: its name in messages, and the type in C of the field that holds it (see fmp/types.h). */
static const struct kind {
  uint32_t kind;
  const char *name, *field; /* the field's type in C */
} kinds[] = {{FMP_ATTR_BOOL, "bool", "int32_t"},
             {FMP_ATTR_I64, "i64", "int64_t"},
             {FMP_ATTR_F64, "f64", "double"},
             {FMP_ATTR_STRING, "string", "const char *"},
             {FMP_ATTR_DTYPE, "dtype", "uint32_t"},
             {FMP_ATTR_RESOURCE, "resource", "fmp_resource *"},
             {FMP_ATTR_BOOLS, "list of bool", "fmp_list"},
             {FMP_ATTR_I64S, "list of i64", "fmp_list"},
             {FMP_ATTR_F64S, "list of f64", "fmp_list"},
             {FMP_ATTR_STRINGS, "list of string", "fmp_list"},
             {FMP_ATTR_DTYPES, "list of dtype", "fmp_list"}};

static const struct kind *find_kind(uint32_t kind)
{
  for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
    if (kinds[i].kind == kind) return &kinds[i];
  return NULL;
}

const char *fmp__attr_kind_name(uint32_t kind)
{
  const struct kind *found = find_kind(kind);
  return found ? found->name : NULL;
}

/* A list's field is an fmp_list, whatever its elements are. */
static size_t field_size(uint32_t kind)
{
  return fmp__attr_is_list(kind) ? sizeof(fmp_list) : fmp__attr_element_size(kind);
}

static size_t field_alignment(uint32_t kind)
{
  return fmp__attr_is_list(kind) ? _Alignof(fmp_list) : fmp__attr_element_size(kind);
}

/* -- tables ---------------------------------------------------------------- */

/* Defaults are text (docs/decisions/attributes-as-text.md). Parsing them here means that a wrong
 * one refuses the plugin, and that filling a params block with defaults cannot fail for that
 * reason. */
static fmp_status parse_default(const fmp_attr_def *def, fmp__parsed *parsed)
{
  if (!def->default_text) return FMP_OK;
  fmp_status status = fmp__attr_parse(def->kind, def->default_text, parsed);
  if (status == FMP_OK)
    status = fmp__attr_check_allowed(def->name, def->kind, def->allowed, &parsed->value);
  return status == FMP_OK ? FMP_OK : fmp__fail_in(status, "attribute '%s': default", def->name);
}

/* Offsets and sizes are the plugin's word: the comparison is written so that no sum can
 * overflow. */
static fmp_status check_def(const fmp_attr_def *def, uint32_t params_size)
{
  if (!def->name || !def->name[0]) return fmp__fail(FMP_EPLUGIN, "an attribute has no name");
  if (!fmp__attr_kind_name(def->kind))
    return fmp__fail(FMP_EPLUGIN, "attribute '%s': unknown kind %u", def->name, def->kind);
  const size_t size = field_size(def->kind);
  if (def->field_size != size)
    return fmp__fail(FMP_EPLUGIN,
                     "attribute '%s': expected a field of %zu bytes, %s, for %s, got one of %u",
                     def->name, size, find_kind(def->kind)->field, fmp__attr_kind_name(def->kind),
                     def->field_size);
  if (def->reserved)
    return fmp__fail(FMP_EPLUGIN, "attribute '%s': expected 0 in a reserved field", def->name);
  if (def->offset % field_alignment(def->kind) != 0 || def->offset > params_size ||
      params_size - def->offset < size)
    return fmp__fail(FMP_EPLUGIN,
                     "attribute '%s': expected %zu aligned bytes at offset %u of a struct of %u",
                     def->name, size, def->offset, params_size);
  if (fmp__attr_check_limits(def->kind, def->allowed) == FMP_OK) return FMP_OK;
  return fmp__fail_in(FMP_EPLUGIN, "attribute '%s'", def->name);
}

/* doc becomes "" if there is none; default_text and allowed keep the meaning of their NULL. */
static fmp_status copy_def(const fmp_attr_def *def, fmp_attr_def *copy)
{
  *copy = (fmp_attr_def){.name = fmp__copy_text(def->name),
                         .kind = def->kind,
                         .offset = def->offset,
                         .field_size = def->field_size,
                         .default_text = fmp__copy_text(def->default_text),
                         .allowed = fmp__copy_text(def->allowed),
                         .doc = fmp__copy_text(def->doc ? def->doc : "")};
  const int whole = copy->name && copy->doc && (copy->default_text || !def->default_text) &&
                    (copy->allowed || !def->allowed);
  return whole ? FMP_OK : fmp__no_memory("an attribute's definition");
}

/* n counts the row before it is complete, so that fmp__attr_table_free frees what it has got. */
static fmp_status add_def(fmp__attr_table *table, const fmp_attr_def *def)
{
  FMP_TRY(check_def(def, table->params_size));
  for (uint32_t i = 0; i < table->n; i++)
    if (strcmp(table->defs[i].name, def->name) == 0)
      return fmp__fail(FMP_EPLUGIN, "attribute '%s' is defined twice", def->name);
  const uint32_t row = table->n++;
  FMP_TRY(copy_def(def, &table->defs[row]));
  return parse_default(&table->defs[row], &table->defaults[row]);
}

/* A row as its author knew it, older or newer than ours; see sized.h. */
static fmp_status add_row(fmp__attr_table *table, const void *row, uint32_t size)
{
  fmp_attr_def def;
  FMP_TRY(fmp__copy_sized("a row of attributes", row, size,
                          (fmp__sizes){FMP_SIZE_UNTIL(fmp_attr_def, field_size), sizeof def},
                          &def));
  return add_def(table, &def);
}

/* n is bounded before it is multiplied, and n of 0 allocates nothing: defs may then be NULL. */
fmp_status fmp__attr_table_copy(const fmp_attr_def *defs, uint32_t n, uint32_t attr_size,
                                uint32_t params_size, fmp__attr_table *table)
{
  *table = (fmp__attr_table){.params_size = params_size};
  if (n == 0) return FMP_OK;
  if (!defs || n > FMP__MAX_ATTRS)
    return fmp__fail(FMP_EPLUGIN, "expected at most %d rows of attributes, got %u%s",
                     FMP__MAX_ATTRS, n, defs ? "" : " and no table");
  table->defs = fmp__alloc_zeroed(n, sizeof *table->defs);
  table->defaults = fmp__alloc_zeroed(n, sizeof *table->defaults);
  fmp_status status =
      table->defs && table->defaults ? FMP_OK : fmp__no_memory("a table of attributes");
  for (uint32_t i = 0; i < n && status == FMP_OK; i++)
    status = add_row(table, (const char *)defs + (size_t)i * attr_size, attr_size);
  if (status != FMP_OK) fmp__attr_table_free(table);
  return status;
}

/* The texts are ours; they are const only because the public struct says so. */
void fmp__attr_table_free(fmp__attr_table *table)
{
  for (uint32_t i = 0; i < table->n; i++) {
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): without a table n is 0 */
    fmp__free((char *)table->defs[i].name);
    fmp__free((char *)table->defs[i].default_text);
    fmp__free((char *)table->defs[i].allowed);
    fmp__free((char *)table->defs[i].doc);
    fmp__parsed_free(&table->defaults[i]);
  }
  fmp__free(table->defs);
  fmp__free(table->defaults);
  *table = (fmp__attr_table){0};
}

fmp_status fmp__attr_describe(const fmp__attr_table *table, uint32_t i, fmp_attr_info *info)
{
  const fmp_attr_def *def = &table->defs[i];
  const fmp_attr_info filled = {.struct_size = sizeof filled,
                                .name = def->name,
                                .doc = def->doc,
                                .default_text = def->default_text,
                                .allowed = def->allowed,
                                .kind = def->kind};
  return fmp__give_sized("an attribute's description", &filled, info);
}
