/* SPDX-License-Identifier: Apache-2.0
 * JSON out of files that anybody may have made: parsed strictly, and taken apart by
 * functions that say what they expected. Failures are FMP_EDATA. */
#ifndef FMP_JSON_H
#define FMP_JSON_H

#include <jansson.h>

#include "fmp/plugin.h"

/* What a file's JSON may take in memory, counted before it is parsed: two hundred thousand
 * nodes of a graph. */
enum { FMP__JSON_MOST_BYTES = 1 << 29 };

/* One object: no key twice, no NUL in texts, no deep nesting, nothing behind it. */
fmp_status fmp__json_parse(const char *text, size_t n, json_t **object);
/* The value under a key, which must be there and of this type; borrowed. */
fmp_status fmp__json_get(const json_t *object, const char *key, json_type type, json_t **value);
fmp_status fmp__json_get_text(const json_t *object, const char *key, const char **text);
/* An integer from 0 to `most`. */
fmp_status fmp__json_number(const json_t *json, int64_t most, int64_t *number);
/* Completes a spec that has its dtype by the array "shape". Dimensions are not negative; whether a
 * tensor can have them is left to fmp__spec_check. */
fmp_status fmp__json_get_shape(const json_t *object, fmp_spec *spec);

/* Writes without spaces, into memory of the engine. */
fmp_status fmp__json_write(const json_t *json, char **text, size_t *n);
/* object[key] = value and array[] = value, which they take over. Non-zero if that failed:
 * value is NULL, or the key is not UTF-8. */
int fmp__json_set(json_t *object, const char *key, json_t *value);
int fmp__json_add(json_t *array, json_t *value);
/* json, or NULL and it is gone, where building it `failed`. */
json_t *fmp__json_whole(json_t *json, int failed);

#endif
