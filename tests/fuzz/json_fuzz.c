/* SPDX-License-Identifier: Apache-2.0
 * JSON: what parses is written and parses again as the same; all that takes it apart. */
#include "base/json.h"

#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "fmp/api.h"
#include "fuzz.h"

void fuzz_start(void) {}

void fuzz_make_seeds(void)
{
  static const char *const seeds[][2] = {
      {"empty", "{}"},
      {"shape", "{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]}"},
      {"kinds", "{\"a\":[1,-2.5e3,true,false,null,\"\\u00e9\\n\"],\"b\":{\"c\":{}}}"},
      {"spaces", " \n{ \"shape\" : [ 9223372036854775807 , 0 ] }\t"},
      {"array", "[1,2]"},
      {"deep", "{\"a\":[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]}"},
      {"twice", "{\"a\":1,\"a\":2}"},
  };
  for (size_t i = 0; i < sizeof seeds / sizeof *seeds; i++)
    fuzz_seed(seeds[i][0], seeds[i][1], strlen(seeds[i][1]));
}

static void check_written(const json_t *json)
{
  char *text = NULL;
  size_t n = 0;
  json_t *again = NULL;
  if (fmp__json_write(json, &text, &n) != FMP_OK) fuzz_fail(fmp_last_error());
  if (fmp__json_parse(text, n, &again) != FMP_OK) fuzz_fail(fmp_last_error());
  FUZZ_REQUIRE(json_equal(json, again), "what was written is something else");
  json_decref(again);
  fmp__free(text);
}

static void take_apart(const json_t *json, const char *key, const json_t *value)
{
  const char *text = NULL;
  json_t *got = NULL;
  int64_t number = -1;
  if (fmp__json_get_text(json, key, &text) == FMP_OK)
    FUZZ_REQUIRE(json_is_string(value) && text, "a text that is none");
  for (json_type type = JSON_OBJECT; type <= JSON_NULL; type++)
    if (fmp__json_get(json, key, type, &got) == FMP_OK)
      FUZZ_REQUIRE(got == value && json_typeof(got) == type, "another value");
  if (fmp__json_number(value, 1000, &number) == FMP_OK)
    FUZZ_REQUIRE(number >= 0 && number <= 1000, "a number that is too large");
}

void fuzz_one(const uint8_t *bytes, size_t n)
{
  json_t *json = NULL, *value = NULL;
  const char *key;
  fmp_spec spec = {.dtype = FMP_F32};
  if (fmp__json_parse((const char *)bytes, n, &json) != FMP_OK) {
    FUZZ_REQUIRE(*fmp_last_error(), "no text");
    return;
  }
  check_written(json);
  json_object_foreach(json, key, value) take_apart(json, key, value);
  if (fmp__json_get_shape(json, &spec) == FMP_OK)
    FUZZ_REQUIRE(spec.rank <= FMP_MAX_RANK, "a rank that is too large");
  json_decref(json);
}
