/* SPDX-License-Identifier: Apache-2.0
 *
 * Attribute values as text, both ways, and the check of what is allowed. Defaults, saved graphs,
 * help and keys of measured kernels all use this one form: what fmp__attr_print writes,
 * fmp__attr_parse reads back as the same value, bit for bit but for a NaN's payload, under any
 * locale. */
#ifndef FMP_ATTRIBUTE_TEXT_H
#define FMP_ATTRIBUTE_TEXT_H

#include "base/text.h"
#include "fmp/plugin.h"

/* A value with the memory that its lists and strings point into. All zero: nothing to free. */
typedef struct fmp__parsed {
  fmp_attr_value value;
  void *items; /* of a list, or NULL */
  char *bytes; /* of strings, or NULL */
} fmp__parsed;

/* Bytes of one element of this kind in a params struct or list; 0: there is no such kind. */
size_t fmp__attr_element_size(uint32_t kind);
/* Parses "0.5", "true", "same", "[1,2]" as `kind`. FMP_EINVAL says what was expected; *parsed is
 * all zero then. */
fmp_status fmp__attr_parse(uint32_t kind, const char *text, fmp__parsed *parsed);
void fmp__parsed_free(fmp__parsed *parsed);
/* Appends the value, so that fmp__attr_parse gives it back. */
void fmp__attr_print(uint32_t kind, const fmp_attr_value *value, fmp__text *text);
/* Are these limits well formed, and do they mean anything for this kind? NULL does. */
fmp_status fmp__attr_check_limits(uint32_t kind, const char *allowed);
/* Is the value among those that `allowed` describes ("a|b|c", "[1,)"), and each element of a list?
 * NULL allows anything. */
fmp_status fmp__attr_check_allowed(const char *name, uint32_t kind, const char *allowed,
                                   const fmp_attr_value *value);

#endif
