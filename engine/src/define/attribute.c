/* SPDX-License-Identifier: Apache-2.0 */
#include "define/attribute.h"

#include <stddef.h>
#include <string.h>

#include "fmp/api.h"
#include "base/memory.h"
#include "base/status.h"

static const struct {
  uint32_t kind;
  const char *name;
} kind_names[] = {{FMP_ATTR_BOOL, "bool"},
                  {FMP_ATTR_I64, "i64"},
                  {FMP_ATTR_F64, "f64"},
                  {FMP_ATTR_STRING, "string"},
                  {FMP_ATTR_DTYPE, "dtype"},
                  {FMP_ATTR_RESOURCE, "resource"},
                  {FMP_ATTR_BOOLS, "list of bool"},
                  {FMP_ATTR_I64S, "list of i64"},
                  {FMP_ATTR_F64S, "list of f64"},
                  {FMP_ATTR_STRINGS, "list of string"},
                  {FMP_ATTR_DTYPES, "list of dtype"}};

const char *fmp__attr_kind_name(uint32_t kind)
{
  for (size_t i = 0; i < sizeof kind_names / sizeof kind_names[0]; i++)
    if (kind_names[i].kind == kind) return kind_names[i].name;
  return NULL;
}

/* Bytes of the field in the params struct. */
static size_t field_size(uint32_t kind)
{
  return fmp__attr_is_list(kind) ? sizeof(fmp_list) : fmp__attr_element_size(kind);
}

static size_t field_alignment(uint32_t kind)
{
  return fmp__attr_is_list(kind) ? _Alignof(fmp_list) : fmp__attr_element_size(kind);
}

/* -- tables ---------------------------------------------------------------- */

static fmp_status parse_fallback(const fmp_attr_def *def, fmp__parsed *parsed)
{
  if (!def->fallback) return FMP_OK;
  fmp_status status = fmp__attr_parse(def->kind, def->fallback, parsed);
  if (status == FMP_OK)
    status = fmp__attr_check_allowed(def->name, def->kind, def->allowed, &parsed->value);
  return status == FMP_OK ? FMP_OK : fmp__fail_in(status, "attribute '%s': fallback", def->name);
}

static fmp_status check_def(const fmp_attr_def *def, uint32_t params_size)
{
  if (!def->name || !def->name[0]) return fmp__fail(FMP_EPLUGIN, "an attribute has no name");
  if (!fmp__attr_kind_name(def->kind))
    return fmp__fail(FMP_EPLUGIN, "attribute '%s': unknown kind %u", def->name, def->kind);
  const size_t size = field_size(def->kind);
  if (def->offset % field_alignment(def->kind) != 0 || def->offset > params_size ||
      params_size - def->offset < size)
    return fmp__fail(FMP_EPLUGIN,
                     "attribute '%s': expected %zu aligned bytes at offset %u of a struct of %u",
                     def->name, size, def->offset, params_size);
  if (fmp__attr_check_limits(def->kind, def->allowed) == FMP_OK) return FMP_OK;
  return fmp__fail_in(FMP_EPLUGIN, "attribute '%s'", def->name);
}

static fmp_status copy_def(const fmp_attr_def *def, fmp_attr_def *copy)
{
  *copy = (fmp_attr_def){.name = fmp__copy_text(def->name),
                         .kind = def->kind,
                         .offset = def->offset,
                         .fallback = fmp__copy_text(def->fallback),
                         .allowed = fmp__copy_text(def->allowed),
                         .doc = fmp__copy_text(def->doc ? def->doc : "")};
  const int whole = copy->name && copy->doc && (copy->fallback || !def->fallback) &&
                    (copy->allowed || !def->allowed);
  return whole ? FMP_OK : fmp__no_memory("an attribute's definition");
}

static fmp_status add_def(fmp__attr_table *table, const fmp_attr_def *def)
{
  FMP_TRY(check_def(def, table->params_size));
  for (uint32_t i = 0; i < table->n; i++)
    if (strcmp(table->defs[i].name, def->name) == 0)
      return fmp__fail(FMP_EPLUGIN, "attribute '%s' is defined twice", def->name);
  const uint32_t row = table->n++;
  FMP_TRY(copy_def(def, &table->defs[row]));
  return parse_fallback(&table->defs[row], &table->fallbacks[row]);
}

fmp_status fmp__attr_table_copy(const fmp_attr_def *defs, uint32_t n, uint32_t attr_size,
                                uint32_t params_size, fmp__attr_table *table)
{
  *table = (fmp__attr_table){.params_size = params_size};
  if (n == 0) return FMP_OK;
  if (!defs || attr_size < sizeof(fmp_attr_def) || n > 1024)
    return fmp__fail(FMP_EPLUGIN, "expected attribute rows of at least %zu bytes, got %u",
                     sizeof(fmp_attr_def), attr_size);
  table->defs = fmp__alloc_zeroed(n, sizeof *table->defs);
  table->fallbacks = fmp__alloc_zeroed(n, sizeof *table->fallbacks);
  fmp_status status =
      table->defs && table->fallbacks ? FMP_OK : fmp__no_memory("a table of attributes");
  for (uint32_t i = 0; i < n && status == FMP_OK; i++)
    status = add_def(table, (const void *)((const char *)defs + (size_t)i * attr_size));
  if (status != FMP_OK) fmp__attr_table_free(table);
  return status;
}

void fmp__attr_table_free(fmp__attr_table *table)
{
  for (uint32_t i = 0; i < table->n; i++) {
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): without a table n is 0 */
    fmp__free((char *)table->defs[i].name);
    fmp__free((char *)table->defs[i].fallback);
    fmp__free((char *)table->defs[i].allowed);
    fmp__free((char *)table->defs[i].doc);
    fmp__parsed_free(&table->fallbacks[i]);
  }
  fmp__free(table->defs);
  fmp__free(table->fallbacks);
  *table = (fmp__attr_table){0};
}
