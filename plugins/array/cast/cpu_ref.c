/* SPDX-License-Identifier: Apache-2.0
 * cast: one loop for each pair of types, as a table of rows by source, columns by target. */
#include "cast.h"
#include "convert.h"

enum { GRAIN = 1 << 14 };

typedef float type_f32;
typedef double type_f64;
typedef uint16_t type_bf16, type_f16;
typedef uint8_t type_u8;
typedef int32_t type_i32;
typedef int64_t type_i64;

/* Each type as its class, exactly: a cast is a load and one conversion, never two roundings. */
static inline float load_f32(float x) { return x; }
static inline double load_f64(double x) { return x; }
static inline float load_bf16(uint16_t x) { return fmp_bf16_to_f32(x); }
static inline float load_f16(uint16_t x) { return fmp_f16_to_f32(x); }
static inline int64_t load_u8(uint8_t x) { return x; }
static inline int64_t load_i32(int32_t x) { return x; }
static inline int64_t load_i64(int64_t x) { return x; }

#define CAST_LOOP(class, from, to)                                             \
  static void from##_to_##to(void *target, const void *source, int64_t n)      \
  {                                                                            \
    type_##to *y = target;                                                     \
    const type_##from *x = source;                                             \
    for (int64_t i = 0; i < n; i++) y[i] = class##_to_##to(load_##from(x[i])); \
  }

/* One row of the table. */
#define CAST_LOOPS(class, from) \
  CAST_LOOP(class, from, f32)   \
  CAST_LOOP(class, from, f64)   \
  CAST_LOOP(class, from, bf16)  \
  CAST_LOOP(class, from, f16)   \
  CAST_LOOP(class, from, u8) CAST_LOOP(class, from, i32) CAST_LOOP(class, from, i64)

CAST_LOOPS(f, f32)
CAST_LOOPS(d, f64)
CAST_LOOPS(f, bf16)
CAST_LOOPS(f, f16)
CAST_LOOPS(i, u8)
CAST_LOOPS(i, i32)
CAST_LOOPS(i, i64)

#define CAST_ROW(from)                                                                 \
  {                                                                                    \
    [FMP_F32] = from##_to_f32, [FMP_F64] = from##_to_f64, [FMP_BF16] = from##_to_bf16, \
    [FMP_F16] = from##_to_f16, [FMP_U8] = from##_to_u8, [FMP_I32] = from##_to_i32,     \
    [FMP_I64] = from##_to_i64                                                          \
  }

static const cast_fn casts[FMP_DTYPE_COUNT][FMP_DTYPE_COUNT] = {
    [FMP_F32] = CAST_ROW(f32), [FMP_F64] = CAST_ROW(f64), [FMP_BF16] = CAST_ROW(bf16),
    [FMP_F16] = CAST_ROW(f16), [FMP_U8] = CAST_ROW(u8),   [FMP_I32] = CAST_ROW(i32),
    [FMP_I64] = CAST_ROW(i64),
};

/* Elements do not depend on each other, so any cutting into stretches gives the same bits. */
typedef struct cast_job {
  const fmp_view *x, *y;
  cast_fn cast;
} cast_job;

static fmp_status cast_range(const fmp_range *r)
{
  const cast_job *job = r->arg;
  char *y = (char *)job->y->data + r->begin * fmp_element_bytes(job->y->dtype);
  const char *x = (const char *)job->x->data + r->begin * fmp_element_bytes(job->x->dtype);
  job->cast(y, x, r->end - r->begin);
  return FMP_OK;
}

fmp_status cast_run(const fmp_call *call, cast_fn cast)
{
  const fmp_view *x = &call->in[0], *y = &call->out[0];
  cast_job job = {x, y, cast};
  const int64_t n = fmp_view_size(y);
  return n == 0 ? FMP_OK : call->host->parallel_for(call, n, GRAIN, cast_range, &job);
}

fmp_status cast_run_ref(const fmp_call *call)
{
  return cast_run(call, casts[call->in->dtype][call->out->dtype]);
}

static const fmp_kernel_def kernel = {
    .struct_size = sizeof(fmp_kernel_def),
    .op = "cast",
    .backend = "cpu",
    .name = "ref",
    .dtypes = FMP_ANY_DTYPE,
    .run = cast_run_ref,
};

fmp_status cast_add_ref(const fmp_host *h, fmp_registry *r) { return h->add_kernel(r, &kernel); }
