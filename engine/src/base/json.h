/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON from files that anybody may have made: bounded before it is parsed, parsed strictly, and
 * taken apart by functions that say what they expected. All failures but lack of memory are
 * FMP_EDATA.
 *
 * jansson objects are reference-counted. "Borrowed" means until the object they came from is
 * released. */
#ifndef FMP_JSON_H
#define FMP_JSON_H

#include <jansson.h>

#include "fmp/plugin.h"

/* How much memory a file's JSON may take once parsed, which is counted beforehand: enough for a
 * graph of two hundred thousand nodes. See docs/decisions/limits-of-files.md. */
enum { FMP__JSON_MOST_BYTES = 1 << 29 };

/* Parses one object: no key twice, no NUL in texts, at most 16 deep, nothing behind it. The object
 * is the caller's. */
fmp_status fmp__json_parse(const char *text, size_t n, json_t **object);
/* The value under a key, which must be there and of this type; borrowed. */
fmp_status fmp__json_get(const json_t *object, const char *key, json_type type, json_t **value);
fmp_status fmp__json_get_text(const json_t *object, const char *key, const char **text);
/* An integer from 0 to `most`. */
fmp_status fmp__json_number(const json_t *json, int64_t most, int64_t *number);
/* Adds the array "shape" to a spec that has its dtype already. Dimensions are 0 or more; whether a
 * tensor can have them is for fmp__spec_check to say. */
fmp_status fmp__json_get_shape(const json_t *object, fmp_spec *spec);

/* As text without spaces, in memory for fmp__free. */
fmp_status fmp__json_write(const json_t *json, char **text, size_t *n);
/* object[key] = value, and value at the end of array; both take over the value, also on failure.
 * Non-zero: it failed, because value is NULL (building that failed) or the key is not UTF-8. So a
 * caller can build a whole object, OR the results and look once. */
int fmp__json_set(json_t *object, const char *key, json_t *value);
int fmp__json_add(json_t *array, json_t *value);
/* json itself, or NULL and json is released if building it has `failed`. */
json_t *fmp__json_whole(json_t *json, int failed);

#endif
