/* SPDX-License-Identifier: Apache-2.0
 *
 * kit/check.h: checks that infer functions share, and sizes of specs and views.
 *
 * The checks return FMP_OK, or keep a text through the host and return the status that belongs to
 * it; so an infer function is a list of FMP_TRY. Each text says what was expected and what came, by
 * the input's name in the schema, and is one line: the engine puts scope and op in front of it.
 *
 * Specs that an infer function gets have been checked by the engine: a known type (or FMP_NONE for
 * an absent input), a rank up to FMP_MAX_RANK, dimensions from 0 up, and products of dimensions
 * that fit into int64_t with room to spare. Nothing here checks that again.
 *
 *   static fmp_status infer(const fmp_infer_args *a)      (x, w) -> (y), a product of matrices
 *   {
 *     const fmp_spec *x = &a->in[0], *w = &a->in[1];
 *     FMP_TRY(fmp_check_dtype(a->host, "x", x, FMP_FLOATS, "f32, f64 or bf16"));
 *     FMP_TRY(fmp_check_rank(a->host, "x", x, 2, "[rows,n]"));
 *     FMP_TRY(fmp_check_rank(a->host, "w", w, 2, "[n,columns]"));
 *     ...
 *   }
 *
 * C and C++. Pure but for the thread's text, for any thread. */
#ifndef FMP_KIT_CHECK_H
#define FMP_KIT_CHECK_H

#include "fmp/plugin.h"

/* The types that kernels of float ops usually offer; f16 is for storage alone. */
#define FMP_FLOATS (FMP_BIT(FMP_F32) | FMP_BIT(FMP_F64) | FMP_BIT(FMP_BF16))

/* -- specs and views ------------------------------------------------------- */

/* Is an optional input there? */
static inline int fmp_spec_present(const fmp_spec *s) { return s->dtype != FMP_NONE; }

/* Number of elements: the product of the dimensions, 1 for rank 0, 0 if any dimension is 0. */
static inline int64_t fmp_spec_size(const fmp_spec *s)
{
  int64_t n = 1;
  for (uint32_t i = 0; i < s->rank; i++) n *= s->shape[i];
  return n;
}

/* The same of a view, whatever its strides: broadcast elements count as often as they appear. */
static inline int64_t fmp_view_size(const fmp_view *v)
{
  int64_t n = 1;
  for (uint32_t i = 0; i < v->rank; i++) n *= v->shape[i];
  return n;
}

/* The spec of a view: type and shape, without strides. For run() functions that share code with
 * infer, which sees specs alone. Dimensions beyond the rank and reserved words are zero, as in
 * every checked spec. */
static inline fmp_spec fmp_view_spec(const fmp_view *v)
{
  fmp_spec s;
  s.dtype = v->dtype;
  s.rank = v->rank;
  for (uint32_t i = 0; i < FMP_MAX_RANK; i++) s.shape[i] = i < v->rank ? v->shape[i] : 0;
  s.reserved[0] = s.reserved[1] = 0;
  return s;
}

/* Equal ranks and dimensions; types may differ. Shapes that broadcast to each other are not the
 * same. */
static inline int fmp_same_shape(const fmp_spec *a, const fmp_spec *b)
{
  if (a->rank != b->rank) return 0;
  for (uint32_t i = 0; i < a->rank; i++)
    if (a->shape[i] != b->shape[i]) return 0;
  return 1;
}

/* -- attributes ------------------------------------------------------------ */

/* "expected slope as a number that f32 can hold, got 1e+300". For an attribute (f64) that a kernel
 * computes with in the type of its inputs: a factor that becomes 0 or infinite there would make NaN
 * of infinity or 0 (docs/decisions/special-values.md). 0 is held by every type, infinity and NaN by
 * none; types that are no floats hold anything, since kernels do not compute with the attribute in
 * them.  FMP_EINVAL
 *
 * With p bits of precision, a smallest denormal d and a largest number m: rounding to nearest gives
 * 0 up to d / 2 and infinity from m + ulp(m) / 2 on, both ends included, as ties go to even.
 * `least` and `most` are the doubles next to those two, on the side that is held: for f32 d / 2 =
 * 2^-150 and m + ulp / 2 = (2 - 2^-24) 2^127. */
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

/* -- types and shapes ------------------------------------------------------ */

/* "expected x [n,h,w,c], got f32 [50,2700]"; `layout` is the expected shape as the documentation
 * writes it. FMP_ESHAPE. */
static inline fmp_status fmp_check_rank(const fmp_host *h, const char *name, const fmp_spec *s,
                                        uint32_t rank, const char *layout)
{
  char text[FMP_SPEC_TEXT];
  FMP_REQUIRE(h, s->rank == rank, FMP_ESHAPE, "expected %s %s, got %s", name, layout,
              h->spec_text(s, text));
  return FMP_OK;
}

/* "expected x of f32 or f64, got i32 [2]". `dtypes` is a set of FMP_BIT, `wanted` the same in
 * words. An absent input has FMP_NONE, whose bit stands in no such set unless it is put there.
 * FMP_EDTYPE. */
static inline fmp_status fmp_check_dtype(const fmp_host *h, const char *name, const fmp_spec *s,
                                         uint64_t dtypes, const char *wanted)
{
  char text[FMP_SPEC_TEXT];
  FMP_REQUIRE(h, (dtypes & FMP_BIT(s->dtype)) != 0, FMP_EDTYPE, "expected %s of %s, got %s", name,
              wanted, h->spec_text(s, text));
  return FMP_OK;
}

/* "expected y of x's shape f32 [2,3], got f32 [3,2]": b must have a's shape, of any type. a is
 * taken to be right, so it should be the input that the others follow. FMP_ESHAPE. */
static inline fmp_status fmp_check_same_shape(const fmp_host *h, const char *name_a,
                                              const fmp_spec *a, const char *name_b,
                                              const fmp_spec *b)
{
  char ta[FMP_SPEC_TEXT], tb[FMP_SPEC_TEXT];
  FMP_REQUIRE(h, fmp_same_shape(a, b), FMP_ESHAPE, "expected %s of %s's shape %s, got %s", name_b,
              name_a, h->spec_text(a, ta), h->spec_text(b, tb));
  return FMP_OK;
}

/* b must have a's type (FMP_EDTYPE, "expected y of x's type: f32 [2], got f64 [2]") and then a's
 * shape (FMP_ESHAPE). */
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
