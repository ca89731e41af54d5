/* SPDX-License-Identifier: Apache-2.0
 *
 * Specs. Functions but fmp__spec_check and fmp_spec_text take checked ones and cannot overflow. */
#include "define/spec.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/status.h"
#include "base/text.h"
#include "fmp/api.h"

/* By data type; FMP_NONE has no name and 0 bytes, which marks what is no data type. */
static const struct {
  const char *name;
  int64_t bytes;
} dtypes[FMP_DTYPE_COUNT] = {
    [FMP_F32] = {"f32", 4}, [FMP_F64] = {"f64", 8}, [FMP_BF16] = {"bf16", 2},
    [FMP_F16] = {"f16", 2}, [FMP_U8] = {"u8", 1},   [FMP_I32] = {"i32", 4},
    [FMP_I64] = {"i64", 8}};

const char *fmp_dtype_name(uint32_t dtype)
{
  return dtype < FMP_DTYPE_COUNT ? dtypes[dtype].name : NULL;
}

/* 0 for what is no data type, which callers use as the test for one. */
int64_t fmp_dtype_size(uint32_t dtype) { return dtype < FMP_DTYPE_COUNT ? dtypes[dtype].bytes : 0; }

fmp_status fmp_dtype_find(const char *name, uint32_t *dtype)
{
  FMP_TRY(fmp__require(name, "the name of a data type"));
  fmp__nearest nearest = {.name = name};
  for (uint32_t i = 1; i < FMP_DTYPE_COUNT; i++) {
    if (strcmp(dtypes[i].name, name) == 0) {
      *dtype = i;
      return FMP_OK;
    }
    fmp__nearest_offer(&nearest, dtypes[i].name);
  }
  char hint[96];
  return fmp__fail(FMP_EDTYPE, "no data type '%s' (there are f32 f64 bf16 f16 u8 i32 i64)%s", name,
                   fmp__nearest_hint(&nearest, hint, sizeof hint));
}

/* For messages, so it takes any spec at all, also one that has just failed its check: FMP_SPEC_TEXT
 * holds eight dimensions of 20 digits. */
const char *fmp_spec_text(const fmp_spec *spec, char *text)
{
  const char *dtype = spec ? fmp_dtype_name(spec->dtype) : NULL;
  if (!spec || spec->dtype == FMP_NONE) return memcpy(text, "nothing", sizeof "nothing");
  int n = snprintf(text, FMP_SPEC_TEXT, "%s [", dtype ? dtype : "?");
  for (uint32_t i = 0; i < spec->rank && i < FMP_MAX_RANK; i++)
    n +=
        snprintf(text + n, (size_t)(FMP_SPEC_TEXT - n), "%s%" PRId64, i ? "," : "", spec->shape[i]);
  snprintf(text + n, (size_t)(FMP_SPEC_TEXT - n), "]");
  return text;
}

fmp_status fmp__spec_check(const fmp_spec *spec)
{
  char text[FMP_SPEC_TEXT];
  FMP_TRY(fmp__require(spec, "a spec"));
  const int64_t element = fmp_dtype_size(spec->dtype);
  if (element == 0)
    return fmp__fail(FMP_EDTYPE, "expected a data type, got number %" PRIu32, spec->dtype);
  if (spec->rank > FMP_MAX_RANK)
    return fmp__fail(FMP_ESHAPE, "expected a rank of at most %d, got %" PRIu32, FMP_MAX_RANK,
                     spec->rank);
  if (spec->reserved[0] || spec->reserved[1])
    return fmp__fail(FMP_EINVAL, "expected 0 in the reserved words of a spec");
  /* Dimensions of 0 are left out of the product: strides are made of the others. */
  int64_t bytes = element;
  for (uint32_t i = 0; i < spec->rank; i++) {
    const int64_t d = spec->shape[i];
    if (d < 0 || (d > 0 && bytes > INT64_MAX / 4 / d))
      return fmp__fail(FMP_ESHAPE, "%s is not a possible shape", fmp_spec_text(spec, text));
    if (d > 0) bytes *= d;
  }
  return FMP_OK;
}

/* The number of elements; 1 for rank 0, which is a number. */
int64_t fmp__spec_size(const fmp_spec *spec)
{
  int64_t n = 1;
  for (uint32_t i = 0; i < spec->rank; i++) n *= spec->shape[i];
  return n;
}

int64_t fmp__spec_bytes(const fmp_spec *spec)
{
  return fmp__spec_size(spec) * fmp_dtype_size(spec->dtype);
}

/* Only the rank's own dimensions count, so specs need not be tidy. */
int fmp__spec_equal(const fmp_spec *a, const fmp_spec *b)
{
  if (a->dtype != b->dtype || a->rank != b->rank) return 0;
  return memcmp(a->shape, b->shape, a->rank * sizeof a->shape[0]) == 0;
}

/* Equal specs hash alike (see fmp__spec_equal); the hash never leaves the process. */
uint64_t fmp__spec_hash(uint64_t hash, const fmp_spec *spec)
{
  hash = fmp__hash_number(hash, (uint64_t)spec->dtype << 32 | spec->rank);
  for (uint32_t i = 0; i < spec->rank; i++) hash = fmp__hash_number(hash, (uint64_t)spec->shape[i]);
  return hash;
}

void fmp__spec_tidy(fmp_spec *spec)
{
  for (uint32_t i = spec->rank; i < FMP_MAX_RANK; i++) spec->shape[i] = 0;
}

/* strides[rank - 1] = 1, strides[i] = strides[i + 1] * max(shape[i + 1], 1). */
void fmp__strides_of(const fmp_spec *spec, int64_t *strides)
{
  int64_t stride = 1;
  for (uint32_t i = FMP_MAX_RANK; i-- > 0;) {
    strides[i] = i < spec->rank ? stride : 0;
    if (i < spec->rank && spec->shape[i] > 0) stride *= spec->shape[i];
  }
}

int fmp__is_contiguous(const fmp_spec *spec, const int64_t *strides)
{
  int64_t wanted[FMP_MAX_RANK];
  if (fmp__spec_size(spec) == 0) return 1;
  fmp__strides_of(spec, wanted);
  for (uint32_t i = 0; i < spec->rank; i++)
    if (spec->shape[i] != 1 && strides[i] != wanted[i]) return 0;
  return 1;
}

/* In elements, low = sum of min(0, (shape[i] - 1) * strides[i]) and high = 1 + sum of the same with
 * max: each dimension lies at one of its ends for the lowest and the highest element. So low <= 0 <
 * high. */
int fmp__view_extent(const fmp_spec *spec, const int64_t *strides, int64_t *low, int64_t *high)
{
  const int64_t element = fmp_dtype_size(spec->dtype);
  *low = 0;
  *high = 0;
  if (fmp__spec_size(spec) == 0) return 1;
  for (uint32_t i = 0; i < spec->rank; i++) {
    int64_t span;
    if (__builtin_mul_overflow(strides[i], spec->shape[i] - 1, &span)) return 0;
    if (__builtin_add_overflow(span < 0 ? *low : *high, span, span < 0 ? low : high)) return 0;
  }
  return !__builtin_mul_overflow(*low, element, low) && !__builtin_add_overflow(*high, 1, high) &&
         !__builtin_mul_overflow(*high, element, high);
}

/* The memory is [0, bytes); the view's own is [offset + low, offset + high). */
fmp_status fmp__check_view(const fmp_spec *spec, const int64_t *strides, int64_t offset,
                           int64_t bytes)
{
  int64_t low, high;
  /* low is at most 0 and offset at least 0, so their sum cannot overflow. */
  if (fmp__view_extent(spec, strides, &low, &high) && offset >= 0 && offset <= bytes &&
      offset + low >= 0 && high <= bytes - offset)
    return FMP_OK;
  return fmp__fail(FMP_EPLUGIN, "the view that the op made reaches beyond its input's memory");
}
