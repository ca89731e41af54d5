/* SPDX-License-Identifier: Apache-2.0
 * Attributes as values, for gradient and rewrite functions that emit ops:
 *   const fmp_attr attrs[] = {fmp_attr_i64("axis", 1), fmp_attr_bool("keep", 1)}; */
#ifndef FMP_KIT_ATTR_H
#define FMP_KIT_ATTR_H

#include "fmp/plugin.h"

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

static inline fmp_attr fmp_attr_i64(const char *name, int64_t value)
{
  fmp_attr a = fmp_attr_of(name, FMP_ATTR_I64);
  a.value.i = value;
  return a;
}

static inline fmp_attr fmp_attr_bool(const char *name, int32_t value)
{
  fmp_attr a = fmp_attr_of(name, FMP_ATTR_BOOL);
  a.value.i = value;
  return a;
}

static inline fmp_attr fmp_attr_dtype(const char *name, uint32_t value)
{
  fmp_attr a = fmp_attr_of(name, FMP_ATTR_DTYPE);
  a.value.i = value;
  return a;
}

static inline fmp_attr fmp_attr_f64(const char *name, double value)
{
  fmp_attr a = fmp_attr_of(name, FMP_ATTR_F64);
  a.value.f = value;
  return a;
}

static inline fmp_attr fmp_attr_string(const char *name, const char *value)
{
  fmp_attr a = fmp_attr_of(name, FMP_ATTR_STRING);
  a.value.s = value;
  return a;
}

/* A list that a params struct holds, passed on; `kind` is FMP_ATTR_I64S or its like. */
static inline fmp_attr fmp_attr_list(const char *name, uint32_t kind, fmp_list value)
{
  fmp_attr a = fmp_attr_of(name, kind);
  a.value.list = value;
  return a;
}

static inline fmp_attr fmp_attr_i64s(const char *name, const int64_t *items, int64_t count)
{
  fmp_list list;
  list.items = items;
  list.count = count;
  return fmp_attr_list(name, FMP_ATTR_I64S, list);
}

#endif
