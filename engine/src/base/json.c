/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON, bounded. jansson allocates by itself and cannot be told a limit, and its allocator is one
 * for the whole process, so that setting it would reach into the user's program. So the text is
 * measured first, and refused if it could take too much memory. */
#include "base/json.h"

#include <inttypes.h>

#include "base/memory.h"
#include "base/status.h"

/* -- parsing --------------------------------------------------------------- */

/* Our own formats are 4 deep. The bound is there because jansson parses and frees recursively. */
enum { DEEPEST = 16 };

/* Upper bounds for jansson 2.14 on 64 bits, beside the bytes of the texts themselves: an array and
 * an object with their first tables, any value as a member of either, and a member's key. */
enum { ARRAY_BYTES = 136, OBJECT_BYTES = 240, VALUE_BYTES = 96, KEY_BYTES = 96 };

/* What a text may cost, whether it is JSON or not: how deep its brackets nest outside of strings,
 * and the memory that its values would take. */
typedef struct extent {
  int depth, deepest;
  int64_t bytes;
} extent;

/* Counts values by the signs around them: each ',' ends one, and so does a closing bracket unless
 * the brackets are empty (`before` is the last sign that was no space). */
static void add_sign(extent *e, char sign, char before)
{
  const int opens = sign == '[' || sign == '{', closes = sign == ']' || sign == '}';
  const int is_empty = closes && (before == '[' || before == '{');
  e->depth += opens - closes;
  if (e->depth > e->deepest) e->deepest = e->depth;
  if (opens) e->bytes += sign == '[' ? ARRAY_BYTES : OBJECT_BYTES;
  if (sign == ',' || (closes && !is_empty)) e->bytes += VALUE_BYTES;
  if (sign == ':') e->bytes += KEY_BYTES;
}

/* One pass in constant memory. Only strings and escapes need to be understood; on text that is not
 * JSON the result is meaningless but finite, and the parser refuses the text afterwards. */
static extent measure(const char *text, size_t n)
{
  extent e = {.bytes = (int64_t)n};
  int in_string = 0;
  char before = ' ';
  for (size_t i = 0; i < n; i++) {
    const char c = text[i];
    if (in_string && c == '\\') {
      i++;
    } else if (c == '"') {
      in_string = !in_string;
      before = c;
    } else if (!in_string && c > ' ') {
      add_sign(&e, c, before);
      before = c;
    }
  }
  return e;
}

static fmp_status check_extent(const char *text, size_t n)
{
  const extent e = measure(text, n);
  if (e.deepest > DEEPEST)
    return fmp__fail(FMP_EDATA, "JSON is nested more than %d deep", (int)DEEPEST);
  if (e.bytes > FMP__JSON_MOST_BYTES)
    return fmp__fail(FMP_EDATA,
                     "expected JSON that takes at most %d MB of memory, got %" PRId64
                     " MB in %zu bytes",
                     FMP__JSON_MOST_BYTES >> 20, e.bytes >> 20, n);
  return FMP_OK;
}

fmp_status fmp__json_parse(const char *text, size_t n, json_t **object)
{
  json_error_t error;
  FMP_TRY(check_extent(text, n));
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

/* A key that is missing and a value of the wrong type are one failure, with one text. */
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
  return FMP_OK;
}

/* -- writing --------------------------------------------------------------- */

/* Twice over: jansson tells the length only by writing. The second pass writes into fmp memory, so
 * that the text is counted and freed like all others. */
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
