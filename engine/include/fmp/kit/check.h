/* SPDX-License-Identifier: Apache-2.0
 * Checks that infer functions share. Each failure says what was expected and came. */
#ifndef FMP_KIT_CHECK_H
#define FMP_KIT_CHECK_H

#include "fmp/plugin.h"

#define FMP_FLOATS (FMP_BIT(FMP_F32) | FMP_BIT(FMP_F64) | FMP_BIT(FMP_BF16))

static inline int fmp_spec_present(const fmp_spec *s) { return s->dtype != FMP_NONE; }

/* Number of elements; 1 for rank 0. */
static inline int64_t fmp_spec_size(const fmp_spec *s)
{
  int64_t n = 1;
  for (uint32_t i = 0; i < s->rank; i++) n *= s->shape[i];
  return n;
}

static inline int64_t fmp_view_size(const fmp_view *v)
{
  int64_t n = 1;
  for (uint32_t i = 0; i < v->rank; i++) n *= v->shape[i];
  return n;
}

static inline int fmp_same_shape(const fmp_spec *a, const fmp_spec *b)
{
  if (a->rank != b->rank) return 0;
  for (uint32_t i = 0; i < a->rank; i++)
    if (a->shape[i] != b->shape[i]) return 0;
  return 1;
}

/* "expected slope as a number that f32 can hold, got 1e+300": of an attribute that a kernel
 * computes with in the type of its inputs, where a factor that becomes 0 or infinite would
 * make NaN of infinity or 0. `most` and `least` are the last doubles before the middles at
 * which rounding turns to infinity and to 0. */
static inline fmp_status fmp_check_holds(const fmp_host *h, const char *name, uint32_t dtype,
                                         double value)
{
  static const struct {
    double least, most;
    const char *type;
  } limits[FMP_DTYPE_COUNT] = {{0, 0, ""},
                               {0x1.0000000000001p-150, 0x1.fffffefffffffp127, "f32"},
                               {0, 0x1.fffffffffffffp1023, "f64"},
                               {0x1.0000000000001p-134, 0x1.fefffffffffffp127, "bf16"},
                               {0x1.0000000000001p-25, 0x1.ffdffffffffffp15, "f16"}};
  const double size = value < 0 ? -value : value;
  const double least = dtype < FMP_DTYPE_COUNT ? limits[dtype].least : 0;
  const double most = dtype < FMP_DTYPE_COUNT ? limits[dtype].most : 0;
  const int held = size <= most && (size >= least || size <= 0);
  FMP_REQUIRE(h, most <= 0 || held, FMP_EINVAL, "expected %s as a number that %s can hold, got %g",
              name, limits[dtype].type, value);
  return FMP_OK;
}

/* "expected x [n,h,w,c], got f32 [50,2700]"; `layout` is the shape as text. */
static inline fmp_status fmp_check_rank(const fmp_host *h, const char *name, const fmp_spec *s,
                                        uint32_t rank, const char *layout)
{
  char text[FMP_SPEC_TEXT];
  FMP_REQUIRE(h, s->rank == rank, FMP_ESHAPE, "expected %s %s, got %s", name, layout,
              h->spec_text(s, text));
  return FMP_OK;
}

/* `dtypes`: a set of FMP_BIT; `wanted`: the same in words, "f32 or f64". */
static inline fmp_status fmp_check_dtype(const fmp_host *h, const char *name, const fmp_spec *s,
                                         uint32_t dtypes, const char *wanted)
{
  char text[FMP_SPEC_TEXT];
  FMP_REQUIRE(h, (dtypes & FMP_BIT(s->dtype)) != 0, FMP_EDTYPE, "expected %s of %s, got %s", name,
              wanted, h->spec_text(s, text));
  return FMP_OK;
}

static inline fmp_status fmp_check_same_shape(const fmp_host *h, const char *name_a,
                                              const fmp_spec *a, const char *name_b,
                                              const fmp_spec *b)
{
  char ta[FMP_SPEC_TEXT], tb[FMP_SPEC_TEXT];
  FMP_REQUIRE(h, fmp_same_shape(a, b), FMP_ESHAPE, "expected %s of %s's shape %s, got %s", name_b,
              name_a, h->spec_text(a, ta), h->spec_text(b, tb));
  return FMP_OK;
}

static inline fmp_status fmp_check_same_spec(const fmp_host *h, const char *name_a,
                                             const fmp_spec *a, const char *name_b,
                                             const fmp_spec *b)
{
  char ta[FMP_SPEC_TEXT], tb[FMP_SPEC_TEXT];
  FMP_REQUIRE(h, a->dtype == b->dtype, FMP_EDTYPE, "expected %s of %s's type: %s, got %s", name_b,
              name_a, h->spec_text(a, ta), h->spec_text(b, tb));
  return fmp_check_same_shape(h, name_a, a, name_b, b);
}

#endif
