/* SPDX-License-Identifier: Apache-2.0
 *
 * kit/attr.h: attributes as values, for gradient and rewrite functions that emit ops:
 *
 *   const fmp_attr attrs[] = {fmp_attr_i64("axis", 1), fmp_attr_bool("keep", 1)};
 *   dx = h->emit(b, "sum", attrs, 2, &dy, 1);
 *
 * Nothing is copied here: an fmp_attr borrows its name, its string and its items. They must live
 * until the call that takes the attribute returns; emit() makes copies of all of them. Names are
 * those of the emitted op's table, where unknown ones are refused, and kinds are converted as for
 * any caller: an i64 serves for f64, and one value for a list.
 *
 *   fmp_attr_bool    FMP_ATTR_BOOL        fmp_attr_string  FMP_ATTR_STRING
 *   fmp_attr_i64     FMP_ATTR_I64         fmp_attr_i64s    FMP_ATTR_I64S
 *   fmp_attr_f64     FMP_ATTR_F64         fmp_attr_list    any list
 *   fmp_attr_dtype   FMP_ATTR_DTYPE       fmp_attr_of      any kind, without a value
 *
 * An attribute that another op has just read out (op_attr, node_attr) is an fmp_attr too, and can
 * be passed on as it is.
 *
 * C and C++. Pure functions, for any thread. */
#ifndef FMP_KIT_ATTR_H
#define FMP_KIT_ATTR_H

#include "fmp/plugin.h"

/* An attribute of any kind without a value yet; the caller sets the member of a.value that belongs
 * to the kind (fmp/types.h). For resources, which have no function of their own:
 *   fmp_attr a = fmp_attr_of("queue", FMP_ATTR_RESOURCE);
 *   a.value.resource = queue; */
static inline fmp_attr fmp_attr_of(const char *name, uint32_t kind)
{
  fmp_attr a;
  a.name = name;
  a.kind = kind;
  a.reserved = 0;
  a.value.list.items = NULL;
  a.value.list.count = 0;
  return a;
}

/* -- single values --------------------------------------------------------- */

/* A whole number; the op may take it as i64, f64, or a list of either. */
static inline fmp_attr fmp_attr_i64(const char *name, int64_t value)
{
  fmp_attr a = fmp_attr_of(name, FMP_ATTR_I64);
  a.value.i = value;
  return a;
}

/* 0 is false, anything else true. Booleans and numbers are not converted into each other. */
static inline fmp_attr fmp_attr_bool(const char *name, int32_t value)
{
  fmp_attr a = fmp_attr_of(name, FMP_ATTR_BOOL);
  a.value.i = value;
  return a;
}

/* A data type, FMP_F32 and so on. */
static inline fmp_attr fmp_attr_dtype(const char *name, uint32_t value)
{
  fmp_attr a = fmp_attr_of(name, FMP_ATTR_DTYPE);
  a.value.i = value;
  return a;
}

/* A double. It does not serve for an i64, even if it is whole. */
static inline fmp_attr fmp_attr_f64(const char *name, double value)
{
  fmp_attr a = fmp_attr_of(name, FMP_ATTR_F64);
  a.value.f = value;
  return a;
}

/* A NUL-terminated string in UTF-8, borrowed. */
static inline fmp_attr fmp_attr_string(const char *name, const char *value)
{
  fmp_attr a = fmp_attr_of(name, FMP_ATTR_STRING);
  a.value.s = value;
  return a;
}

/* -- lists ----------------------------------------------------------------- */

/* A list as a params struct holds it, passed on to another op: `kind` is FMP_ATTR_I64S or its like,
 * and says what type the items have in memory (fmp/types.h). The items are borrowed; they lie in
 * the params, which live as long as the node does. */
static inline fmp_attr fmp_attr_list(const char *name, uint32_t kind, fmp_list value)
{
  fmp_attr a = fmp_attr_of(name, kind);
  a.value.list = value;
  return a;
}

/* A list of `count` whole numbers, borrowed. count may be 0; items may then be NULL. */
static inline fmp_attr fmp_attr_i64s(const char *name, const int64_t *items, int64_t count)
{
  fmp_list list;
  list.items = items;
  list.count = count;
  return fmp_attr_list(name, FMP_ATTR_I64S, list);
}

#endif
