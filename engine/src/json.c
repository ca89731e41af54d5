/* SPDX-License-Identifier: Apache-2.0 */
#include "json.h"

#include <inttypes.h>

#include "memory.h"
#include "spec.h"
#include "status.h"

/* -- parsing --------------------------------------------------------------- */

/* The formats that we read are 4 deep; parsing and freeing recurse. */
enum { DEEPEST = 16 };

/* The deepest nesting of brackets outside of strings, whatever else the text is. */
static int nesting(const char *text, size_t n)
{
  int depth = 0, deepest = 0, in_string = 0;
  for (size_t i = 0; i < n; i++) {
    const char c = text[i];
    if (in_string && c == '\\')
      i++;
    else if (c == '"')
      in_string = !in_string;
    else if (in_string)
      continue;
    else if (c == '[' || c == '{')
      depth++;
    else if (c == ']' || c == '}')
      depth--;
    if (depth > deepest) deepest = depth;
  }
  return deepest;
}

fmp_status fmp__json_parse(const char *text, size_t n, json_t **object)
{
  json_error_t error;
  if (nesting(text, n) > DEEPEST)
    return fmp__fail(FMP_EDATA, "JSON is nested more than %d deep", (int)DEEPEST);
  json_t *json = json_loadb(text, n, JSON_REJECT_DUPLICATES, &error);
  if (!json) return fmp__fail(FMP_EDATA, "not JSON at byte %d: %s", error.position, error.text);
  if (!json_is_object(json)) {
    json_decref(json);
    return fmp__fail(FMP_EDATA, "expected a JSON object");
  }
  *object = json;
  return FMP_OK;
}

/* -- taking apart ---------------------------------------------------------- */

static const char *type_name(json_type type)
{
  static const struct {
    json_type type;
    const char *name;
  } names[] = {{JSON_OBJECT, "an object"},
               {JSON_ARRAY, "an array"},
               {JSON_STRING, "a text"},
               {JSON_INTEGER, "an integer"}};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    if (names[i].type == type) return names[i].name;
  return "another value";
}

fmp_status fmp__json_get(const json_t *object, const char *key, json_type type, json_t **value)
{
  json_t *found = json_is_object(object) ? json_object_get(object, key) : NULL;
  if (!found || json_typeof(found) != type)
    return fmp__fail(FMP_EDATA, "expected %s as '%s'%s", type_name(type), key,
                     found ? "" : ", which is missing");
  *value = found;
  return FMP_OK;
}

fmp_status fmp__json_get_text(const json_t *object, const char *key, const char **text)
{
  json_t *value = NULL;
  FMP_TRY(fmp__json_get(object, key, JSON_STRING, &value));
  *text = json_string_value(value);
  return FMP_OK;
}

fmp_status fmp__json_number(const json_t *json, int64_t most, int64_t *number)
{
  if (!json_is_integer(json)) return fmp__fail(FMP_EDATA, "expected an integer");
  const int64_t value = json_integer_value(json);
  if (value < 0 || value > most)
    return fmp__fail(FMP_EDATA, "expected an integer from 0 to %" PRId64 ", got %" PRId64, most,
                     value);
  *number = value;
  return FMP_OK;
}

fmp_status fmp__json_get_shape(const json_t *object, fmp_spec *spec)
{
  json_t *shape = NULL;
  FMP_TRY(fmp__json_get(object, "shape", JSON_ARRAY, &shape));
  if (json_array_size(shape) > FMP_MAX_RANK)
    return fmp__fail(FMP_EDATA, "expected a rank of at most %d, got %zu", (int)FMP_MAX_RANK,
                     json_array_size(shape));
  spec->rank = (uint32_t)json_array_size(shape);
  for (uint32_t i = 0; i < spec->rank; i++) {
    const fmp_status status =
        fmp__json_number(json_array_get(shape, i), INT64_MAX, &spec->shape[i]);
    if (status != FMP_OK) return fmp__fail_in(status, "dimension %u", i + 1);
  }
  return fmp__spec_check(spec) == FMP_OK ? FMP_OK : FMP_EDATA;
}

/* -- writing --------------------------------------------------------------- */

fmp_status fmp__json_write(const json_t *json, char **text, size_t *n)
{
  const size_t bytes = json_dumpb(json, NULL, 0, JSON_COMPACT);
  char *made = bytes ? fmp__alloc(bytes) : NULL;
  if (!made) return fmp__no_memory("JSON");
  if (json_dumpb(json, made, bytes, JSON_COMPACT) != bytes) {
    fmp__free(made);
    return fmp__no_memory("JSON");
  }
  *text = made;
  *n = bytes;
  return FMP_OK;
}

int fmp__json_set(json_t *object, const char *key, json_t *value)
{
  return json_object_set_new(object, key, value) != 0;
}

int fmp__json_add(json_t *array, json_t *value) { return json_array_append_new(array, value) != 0; }

json_t *fmp__json_whole(json_t *json, int failed)
{
  if (!failed) return json;
  json_decref(json);
  return NULL;
}
