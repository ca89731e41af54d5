/* SPDX-License-Identifier: Apache-2.0
 *
 * Text of attributes. A value's text is part of saved graphs and of the keys of measured kernels,
 * so what is printed here must not change from version to version.
 *
 *   bool     true | false
 *   i64      decimal, as strtoll reads it
 *   f64      as strtod reads it in the "C" locale: 0.5, 1e-3, inf, nan
 *   string   as it is; escaped inside a list (cut_element)
 *   dtype    its name, f32
 *   list     [a,b], without spaces; [] is empty
 *   limits   a|b|c for strings; [1,8) and its like for numbers, either end open, closed or left out
 *
 * A resource has no text that could be read back; it prints as <kind>. */
#define _POSIX_C_SOURCE 200809L /* strtok_r, newlocale */

#include "define/attribute_text.h"

#include <errno.h>
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/number.h"
#include "base/status.h"
#include "fmp/api.h"

/* -- numbers ---------------------------------------------------------------- */

/* Numbers have a point, whatever locale the program has chosen: strtod and printf would take the
 * locale's own. uselocale() changes the calling thread's alone. The locale is made once and never
 * freed. */
static locale_t plain_locale;
static pthread_once_t plain_once = PTHREAD_ONCE_INIT;

static void make_plain_locale(void) { plain_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0); }

static locale_t enter_plain_locale(void)
{
  pthread_once(&plain_once, make_plain_locale);
  return uselocale(plain_locale); /* (locale_t)0, out of memory: stays as it is */
}

static double number_from_text(const char *text, char **end)
{
  const locale_t before = enter_plain_locale();
  const double value = strtod(text, end);
  uselocale(before);
  return value;
}

static void number_to_text(double value, int precision, char *text, size_t room)
{
  const locale_t before = enter_plain_locale();
  snprintf(text, room, "%.*g", precision, value);
  uselocale(before);
}

/* -- one element ----------------------------------------------------------- */

/* There are no lists of resources. */
size_t fmp__attr_element_size(uint32_t kind)
{
  switch (kind & ~(uint32_t)FMP_ATTR_LIST) {
  case FMP_ATTR_BOOL: return sizeof(int32_t);
  case FMP_ATTR_I64: return sizeof(int64_t);
  case FMP_ATTR_F64: return sizeof(double);
  case FMP_ATTR_STRING: return sizeof(const char *);
  case FMP_ATTR_DTYPE: return sizeof(uint32_t);
  case FMP_ATTR_RESOURCE: return kind & FMP_ATTR_LIST ? 0 : sizeof(fmp_resource *);
  default: return 0;
  }
}

static fmp_status parse_bool(const char *text, int64_t *value)
{
  *value = strcmp(text, "true") == 0;
  if (*value || strcmp(text, "false") == 0) return FMP_OK;
  return fmp__fail(FMP_EINVAL, "expected true or false, got '%s'", text);
}

static fmp_status parse_i64(const char *text, int64_t *value)
{
  char *end;
  errno = 0;
  *value = strtoll(text, &end, 10);
  if (end != text && *end == '\0' && errno == 0) return FMP_OK;
  return fmp__fail(FMP_EINVAL, "expected an integer, got '%s'", text);
}

static fmp_status parse_f64(const char *text, double *value)
{
  char *end;
  *value = number_from_text(text, &end);
  if (end != text && *end == '\0') return FMP_OK;
  return fmp__fail(FMP_EINVAL, "expected a number, got '%s'", text);
}

/* A string is not copied: it points into the text, which the caller keeps in parsed->bytes. */
static fmp_status parse_element(uint32_t kind, const char *text, fmp_attr_value *value)
{
  uint32_t dtype;
  switch (kind) {
  case FMP_ATTR_BOOL: return parse_bool(text, &value->i);
  case FMP_ATTR_I64: return parse_i64(text, &value->i);
  case FMP_ATTR_F64: return parse_f64(text, &value->f);
  case FMP_ATTR_STRING: value->s = text; return FMP_OK;
  case FMP_ATTR_DTYPE:
    FMP_TRY(fmp_dtype_find(text, &dtype));
    value->i = dtype;
    return FMP_OK;
  default: return fmp__fail(FMP_EINVAL, "a resource cannot be written as text");
  }
}

/* Stores a value as element i of a list, in the narrow type that lists of its kind have. */
static void store_element(uint32_t kind, void *items, int64_t i, const fmp_attr_value *value)
{
  switch (kind) {
  case FMP_ATTR_BOOL: ((int32_t *)items)[i] = value->i != 0; break;
  case FMP_ATTR_I64: ((int64_t *)items)[i] = value->i; break;
  case FMP_ATTR_F64: ((double *)items)[i] = value->f; break;
  case FMP_ATTR_STRING: ((const char **)items)[i] = value->s; break;
  case FMP_ATTR_DTYPE: ((uint32_t *)items)[i] = (uint32_t)value->i; break;
  default: break;
  }
}

static void load_element(uint32_t kind, const void *items, int64_t i, fmp_attr_value *value)
{
  switch (kind) {
  case FMP_ATTR_BOOL: value->i = ((const int32_t *)items)[i]; break;
  case FMP_ATTR_I64: value->i = ((const int64_t *)items)[i]; break;
  case FMP_ATTR_F64: value->f = ((const double *)items)[i]; break;
  case FMP_ATTR_STRING: value->s = ((const char *const *)items)[i]; break;
  case FMP_ATTR_DTYPE: value->i = ((const uint32_t *)items)[i]; break;
  default: break;
  }
}

/* -- lists ----------------------------------------------------------------- */

/* Cuts the next element of "a,b]" out in place. A '\' stands before ',' ']' and '\' that belong to
 * a string, and "\." is nothing at all, which tells a list of one empty string from an empty list.
 * Returns what follows the element's separator; NULL if there is no separator. */
static char *cut_element(char *at, char *separator)
{
  char *write = at;
  for (; *at && *at != ',' && *at != ']'; at++) {
    const int escaped = *at == '\\' && at[1];
    at += escaped;
    if (!escaped || *at != '.') *write++ = *at;
  }
  *separator = *at;
  if (!*at) return NULL;
  *write = '\0';
  return at + 1;
}

/* At least as many elements as the list will turn out to have. */
static int64_t count_elements(const char *text)
{
  int64_t n = 1;
  for (const char *p = text; *p; p++) {
    if (*p == '\\' && p[1])
      p++;
    else
      n += *p == ',';
  }
  return n;
}

/* Writes up to count_elements() items; parsed->items has room for so many. */
static fmp_status parse_items(uint32_t kind, char *at, fmp__parsed *parsed)
{
  const uint32_t element = kind & ~(uint32_t)FMP_ATTR_LIST;
  char separator = ',';
  int64_t n = 0;
  while (separator == ',') {
    fmp_attr_value value = {0};
    char *const start = at;
    at = cut_element(at, &separator);
    if (!at) return fmp__fail(FMP_EINVAL, "expected a list that ends with ']'");
    FMP_TRY(parse_element(element, start, &value));
    store_element(element, parsed->items, n++, &value);
  }
  if (*at) return fmp__fail(FMP_EINVAL, "expected nothing after ']', got '%s'", at);
  parsed->value.list.items = parsed->items;
  parsed->value.list.count = n;
  return FMP_OK;
}

/* The elements are cut out of parsed->bytes in place, so that strings of a list need no memory of
 * their own. */
static fmp_status parse_list(uint32_t kind, fmp__parsed *parsed)
{
  if (parsed->bytes[0] != '[') return fmp__fail(FMP_EINVAL, "expected a list like [1,2]");
  if (strcmp(parsed->bytes, "[]") == 0) return FMP_OK;
  const size_t count = (size_t)count_elements(parsed->bytes);
  parsed->items = fmp__alloc_zeroed(count, fmp__attr_element_size(kind));
  if (!parsed->items) return fmp__no_memory("a list attribute");
  return parse_items(kind, parsed->bytes + 1, parsed);
}

fmp_status fmp__attr_parse(uint32_t kind, const char *text, fmp__parsed *parsed)
{
  memset(parsed, 0, sizeof *parsed);
  parsed->bytes = fmp__copy_text(text);
  if (!parsed->bytes) return fmp__no_memory("an attribute");
  const fmp_status status = kind & FMP_ATTR_LIST
                                ? parse_list(kind, parsed)
                                : parse_element(kind, parsed->bytes, &parsed->value);
  if (status != FMP_OK) fmp__parsed_free(parsed);
  return status;
}

void fmp__parsed_free(fmp__parsed *parsed)
{
  fmp__free(parsed->items);
  fmp__free(parsed->bytes);
  memset(parsed, 0, sizeof *parsed);
}

/* -- printing -------------------------------------------------------------- */

/* The shortest text would do; we try 6 digits, which give back nearly every number that a person
 * has written, and else take 17, which give back any. */
static void print_f64(double value, fmp__text *text)
{
  char digits[40];
  for (int precision = 6; precision <= 17; precision += 11) {
    number_to_text(value, precision, digits, sizeof digits);
    if (number_from_text(digits, NULL) == value || isnan(value)) break;
  }
  fmp__text_add(text, "%s", digits);
}

static void print_string(const char *s, int in_list, fmp__text *text)
{
  if (!*s && in_list) fmp__text_add(text, "\\.");
  for (; *s; s++) {
    if (in_list && strchr(",]\\", *s)) fmp__text_add(text, "\\");
    fmp__text_add(text, "%c", *s);
  }
}

static void print_element(uint32_t kind, const fmp_attr_value *value, int in_list, fmp__text *text)
{
  switch (kind) {
  case FMP_ATTR_BOOL: fmp__text_add(text, "%s", value->i ? "true" : "false"); break;
  case FMP_ATTR_I64: fmp__text_add(text, "%" PRId64, value->i); break;
  case FMP_ATTR_F64: print_f64(value->f, text); break;
  case FMP_ATTR_STRING: print_string(value->s ? value->s : "", in_list, text); break;
  case FMP_ATTR_DTYPE: fmp__text_add(text, "%s", fmp_dtype_name((uint32_t)value->i)); break;
  default: fmp__text_add(text, "<%s>", fmp_resource_name(value->resource)); break;
  }
}

void fmp__attr_print(uint32_t kind, const fmp_attr_value *value, fmp__text *text)
{
  const uint32_t element = kind & ~(uint32_t)FMP_ATTR_LIST;
  if (!(kind & FMP_ATTR_LIST)) {
    print_element(element, value, 0, text);
    return;
  }
  fmp__text_add(text, "[");
  for (int64_t i = 0; i < value->list.count; i++) {
    fmp_attr_value one = {0};
    load_element(element, value->list.items, i, &one);
    if (i) fmp__text_add(text, ",");
    print_element(element, &one, 1, text);
  }
  fmp__text_add(text, "]");
}

/* -- what is allowed ------------------------------------------------------- */

/* `allowed` is short: it stands in a plugin's source. It is cut apart in a copy. */
static fmp_status check_choice(const char *name, const char *allowed, const char *value)
{
  char copy[256], hint[96];
  fmp__nearest nearest = {.name = value};
  snprintf(copy, sizeof copy, "%s", allowed);
  char *rest = copy;
  for (char *word; (word = strtok_r(rest, "|", &rest));) {
    if (strcmp(word, value) == 0) return FMP_OK;
    fmp__nearest_offer(&nearest, word);
  }
  return fmp__fail(FMP_EINVAL, "attribute '%s': expected one of %s, got '%s'%s", name, allowed,
                   value, fmp__nearest_hint(&nearest, hint, sizeof hint));
}

/* "[low,high)": either end open or closed. An end that is left out is infinite and closed. */
typedef struct interval {
  double low, high;
  int low_closed, high_closed;
} interval;

/* Reads one bound and returns what follows it; NULL if it is neither a number nor nothing at all. A
 * bound that is left out excludes nothing, not even infinity, which "inf)" does exclude. */
static const char *parse_bound(const char *text, char end, double *bound, int *closed)
{
  char *after = (char *)text;
  if (*text == end)
    *closed = 1;
  else
    *bound = number_from_text(text, &after);
  return *after == end && !isnan(*bound) ? after + 1 : NULL;
}

static int parse_interval(const char *text, interval *i)
{
  const size_t n = strlen(text);
  if (n < 3 || !strchr("[(", text[0]) || !strchr("])", text[n - 1])) return 0;
  *i = (interval){-INFINITY, INFINITY, text[0] == '[', text[n - 1] == ']'};
  const char *at = parse_bound(text + 1, ',', &i->low, &i->low_closed);
  at = at ? parse_bound(at, text[n - 1], &i->high, &i->high_closed) : NULL;
  return at && *at == '\0' && i->low <= i->high;
}

/* Comparisons with NaN are false, so it is in no interval. */
static int in_interval(const char *allowed, double value)
{
  interval i;
  if (!parse_interval(allowed, &i)) return 0;
  const int above = i.low_closed ? value >= i.low : value > i.low;
  const int below = i.high_closed ? value <= i.high : value < i.high;
  return above && below;
}

/* Asked once, when the table is copied, so that in_interval() can take its text for well formed. */
fmp_status fmp__attr_check_limits(uint32_t kind, const char *allowed)
{
  interval i;
  const uint32_t element = kind & ~(uint32_t)FMP_ATTR_LIST;
  const int is_number = element == FMP_ATTR_I64 || element == FMP_ATTR_F64;
  if (!allowed || (is_number && parse_interval(allowed, &i))) return FMP_OK;
  if (element == FMP_ATTR_STRING && *allowed) return FMP_OK;
  return fmp__fail(FMP_EPLUGIN,
                   "expected limits like [1,8) for numbers or a|b for strings, got '%s'", allowed);
}

/* An i64 beyond 2^53 is compared as the nearest double; no limit of ours is that large. */
static fmp_status check_element(const char *name, uint32_t kind, const char *allowed,
                                const fmp_attr_value *value)
{
  if (kind == FMP_ATTR_STRING) return check_choice(name, allowed, value->s ? value->s : "");
  if (kind != FMP_ATTR_I64 && kind != FMP_ATTR_F64) return FMP_OK;
  const double number = kind == FMP_ATTR_I64 ? (double)value->i : value->f;
  if (in_interval(allowed, number)) return FMP_OK;
  char got[FMP__DOUBLE_TEXT];
  return fmp__fail(FMP_EINVAL, "attribute '%s': expected a number in %s, got %s", name, allowed,
                   fmp__double_text(number, got));
}

fmp_status fmp__attr_check_allowed(const char *name, uint32_t kind, const char *allowed,
                                   const fmp_attr_value *value)
{
  const uint32_t element = kind & ~(uint32_t)FMP_ATTR_LIST;
  if (!allowed) return FMP_OK;
  if (!(kind & FMP_ATTR_LIST)) return check_element(name, element, allowed, value);
  for (int64_t i = 0; i < value->list.count; i++) {
    fmp_attr_value one = {0};
    load_element(element, value->list.items, i, &one);
    FMP_TRY(check_element(name, element, allowed, &one));
  }
  return FMP_OK;
}
